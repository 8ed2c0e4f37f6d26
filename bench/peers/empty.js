// Ends at once, under child_process.fork() and as a worker thread.
