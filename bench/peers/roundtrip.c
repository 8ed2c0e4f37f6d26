// roundtrip object|bytes COUNT
#include "peer.h"

enum { HEADER = 4 };

static int count;
static uint32_t size;
static int ends[2];

// As a connection does it: one write, and two reads as the length comes first.
static void send_message(int fd, char* message) {
  const uint32_t header = __builtin_bswap32(size);
  memcpy(message, &header, HEADER);
  write_all(fd, message, HEADER + size);
}

static void receive_message(int fd, char* message) {
  read_all(fd, message, HEADER);
  read_all(fd, message + HEADER, size);
}

static void echo(void) {
  char message[64] = {0};
  for (int i = 0; i < RUNS * count; ++i) {
    receive_message(ends[1], message);
    send_message(ends[1], message);
  }
}

static double measure(void) {
  char message[64] = {0};
  const double begin = now();
  for (int i = 0; i < count; ++i) {
    send_message(ends[0], message);
    receive_message(ends[0], message);
  }
  return (now() - begin) * 1e6 / count;
}

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  // An integer is serialized to 6 bytes.
  size = strcmp(argv[1], "object") == 0 ? 6 : 16;
  count = atoi(argv[2]);
  check(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0, "socketpair");
  start(echo);
  report(measure);
  join();
  return 0;
}
