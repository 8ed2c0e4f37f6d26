// contended PROCESSES COUNT
#include "peer.h"

static int processes, count, index_of_child;
static sem_t *lock, *ready, *gate;
static volatile int* counter;
static double (*times)[2];

static void worker(void) {
  sem_post(ready);
  sem_wait(gate);
  times[index_of_child][0] = now();
  for (int i = 0; i < count; ++i) {
    sem_wait(lock);
    ++*counter;
    sem_post(lock);
  }
  times[index_of_child][1] = now();
}

static double together(void) {
  *counter = 0;
  for (index_of_child = 0; index_of_child < processes; ++index_of_child) start(worker);
  for (int i = 0; i < processes; ++i) sem_wait(ready);
  for (int i = 0; i < processes; ++i) sem_post(gate);
  for (int i = 0; i < processes; ++i) join();
  check(*counter == processes * count, "counter");
  double begin = times[0][0], end = times[0][1];
  for (int i = 1; i < processes; ++i) {
    if (times[i][0] < begin) begin = times[i][0];
    if (times[i][1] > end) end = times[i][1];
  }
  return processes * count / 1e6 / (end - begin);
}

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  processes = atoi(argv[1]);
  count = atoi(argv[2]);
  lock = semaphore(1);
  ready = semaphore(0);
  gate = semaphore(0);
  counter = shared(sizeof(int));
  times = shared(processes * sizeof *times);
  report(together);
  return 0;
}
