// bandwidth pipe|socket recvBytes|recvBytesInto COUNT
#include "peer.h"

enum { HEADER = 4, SIZE = 1 << 20 };

static int count, allocates;
static int ends[2];
static char message[SIZE];

static void send_messages(void) {
  for (int i = 0; i < RUNS * count; ++i) {
    const uint32_t header = __builtin_bswap32(SIZE);
    write_all(ends[1], &header, HEADER);
    write_all(ends[1], message, SIZE);
  }
}

static double measure(void) {
  const double begin = now();
  for (int i = 0; i < count; ++i) {
    uint32_t header;
    read_all(ends[0], &header, HEADER);
    const size_t size = __builtin_bswap32(header);
    char* const into = allocates ? malloc(size) : message;
    read_all(ends[0], into, size);
    if (allocates) free(into);
  }
  return (double)count * SIZE / 1e9 / (now() - begin);
}

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  allocates = strcmp(argv[2], "recvBytes") == 0;
  count = atoi(argv[3]);
  memset(message, 1, SIZE);
  const int is_pipe = strcmp(argv[1], "pipe") == 0;
  check((is_pipe ? pipe(ends) : socketpair(AF_UNIX, SOCK_STREAM, 0, ends)) == 0, argv[1]);
  start(send_messages);
  report(measure);
  join();
  return 0;
}
