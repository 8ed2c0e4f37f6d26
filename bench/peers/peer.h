// What the programs in C share.
#include <fcntl.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

// How often report() measures: the first time is to warm up.
enum { RUNS = 4 };

static inline double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

static inline void check(int ok, const char* what) {
  if (ok) return;
  perror(what);
  exit(1);
}

// Prints what `measure` returns, once it is warm.
static inline void report(double (*measure)(void)) {
  measure();
  printf("[");
  for (int run = 1; run < RUNS; ++run) printf("%s%.6f", run > 1 ? "," : "", measure());
  printf("]\n");
}

// A named semaphore, whose name is gone at once.
static inline sem_t* semaphore(unsigned value) {
  char name[64];
  snprintf(name, sizeof name, "/multiproc-bench-%d", (int)getpid());
  sem_t* sem = sem_open(name, O_CREAT | O_EXCL, 0600, value);
  check(sem != SEM_FAILED, "sem_open");
  sem_unlink(name);
  return sem;
}

static inline void* shared(size_t size) {
  void* memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  check(memory != MAP_FAILED, "mmap");
  return memory;
}

static inline void start(void (*child)(void)) {
  const pid_t pid = fork();
  check(pid >= 0, "fork");
  if (pid > 0) return;
  child();
  _exit(0);
}

static inline void join(void) {
  int status;
  check(wait(&status) > 0 && status == 0, "wait");
}

static inline void write_all(int fd, const void* data, size_t size) {
  for (size_t done = 0; done < size;) {
    const ssize_t n = write(fd, (const char*)data + done, size - done);
    check(n > 0, "write");
    done += (size_t)n;
  }
}

static inline void read_all(int fd, void* data, size_t size) {
  for (size_t done = 0; done < size;) {
    const ssize_t n = read(fd, (char*)data + done, size - done);
    check(n > 0, "read");
    done += (size_t)n;
  }
}
