// shared-memory fill|write|read SIZE
#include "peer.h"

enum { PASSES = 4 };

static const char* action;
static size_t size;
static char *segment, *own;

static double measure(void) {
  const double begin = now();
  for (int i = 0; i < PASSES; ++i) {
    if (strcmp(action, "fill") == 0) memset(segment, 2, size);
    if (strcmp(action, "write") == 0) memcpy(segment, own, size);
    if (strcmp(action, "read") == 0) memcpy(own, segment, size);
    // The compiler must not leave out what nobody reads.
    __asm__ volatile("" ::: "memory");
  }
  return PASSES * size / 1e9 / (now() - begin);
}

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  action = argv[1];
  size = strtoul(argv[2], NULL, 10);
  char name[64];
  snprintf(name, sizeof name, "/multiproc-bench-%d", (int)getpid());
  const int fd = shm_open(name, O_CREAT | O_EXCL | O_RDWR, 0600);
  check(fd >= 0, "shm_open");
  shm_unlink(name);
  check(ftruncate(fd, (off_t)size) == 0, "ftruncate");
  segment = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  check(segment != MAP_FAILED, "mmap");
  own = malloc(size);
  check(own != NULL, "malloc");
  memset(own, 1, size);
  report(measure);
  return 0;
}
