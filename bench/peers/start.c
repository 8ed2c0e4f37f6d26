// Forks and reaps, with as much memory resident as the peer: start MEGABYTES ROUNDS
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  size_t bytes = strtoul(argv[1], NULL, 10) << 20;
  int rounds = atoi(argv[2]);
  char* memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return 1;
  madvise(memory, bytes, MADV_NOHUGEPAGE);
  memset(memory, 1, bytes);
  printf("[");
  for (int i = 0; i < rounds; ++i) {
    double begin = now();
    pid_t pid = fork();
    if (pid == 0) _exit(0);
    waitpid(pid, NULL, 0);
    printf("%s%.4f", i ? "," : "", now() - begin);
  }
  printf("]\n");
  return 0;
}
