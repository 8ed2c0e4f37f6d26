// contended PROCESSES SECONDS
#include "peer.h"

// Between two looks at the clock.
enum { BATCH = 100 };

static int processes, index_of_child;
static double seconds;
static sem_t *lock, *ready, *gate;
static volatile double* end;
static volatile int* counter;
static int* counts;

static int count_up(void) {
  int count = 0;
  for (; now() < *end; count += BATCH) {
    for (int i = 0; i < BATCH; ++i) {
      sem_wait(lock);
      ++*counter;
      sem_post(lock);
    }
  }
  return count;
}

static void worker(void) {
  sem_post(ready);
  sem_wait(gate);
  counts[index_of_child] = count_up();
}

static double together(void) {
  for (index_of_child = 0; index_of_child < processes; ++index_of_child) start(worker);
  for (int i = 0; i < processes; ++i) sem_wait(ready);
  *counter = 0;
  *end = now() + seconds;
  for (int i = 0; i < processes; ++i) sem_post(gate);
  for (int i = 0; i < processes; ++i) join();
  int total = 0;
  for (int i = 0; i < processes; ++i) total += counts[i];
  check(*counter == total, "counter");
  return total / seconds / 1e6;
}

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  processes = atoi(argv[1]);
  seconds = atof(argv[2]);
  lock = semaphore(1);
  ready = semaphore(0);
  gate = semaphore(0);
  end = shared(sizeof *end);
  counter = shared(sizeof *counter);
  counts = shared((size_t)processes * sizeof *counts);
  report(together);
  return 0;
}
