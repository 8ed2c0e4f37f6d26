// lock CLASS COUNT
#include "peer.h"

static int count;
static sem_t* sem;

static double pairs(void) {
  const double begin = now();
  for (int i = 0; i < count; ++i) {
    sem_wait(sem);
    sem_post(sem);
  }
  return count / 1e6 / (now() - begin);
}

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  count = atoi(argv[2]);
  if (strcmp(argv[1], "RLock") == 0) {
    puts("[]");
    return 0;
  }
  sem = semaphore(1);
  report(pairs);
  return 0;
}
