// queue Queue|SimpleQueue integer|object COUNT
#include "peer.h"

struct object {
  int a;
  char b[4];
  double c;
};

struct message {
  uint32_t size;
  union {
    int integer;
    struct object object;
  };
} __attribute__((packed));

enum { HEADER = sizeof(uint32_t), SLOTS = 0x7fffffff };

static int count, counts_slots, holds_objects;
static int ends[2];
static sem_t *slots, *reading, *writing, *go;

static void put(int i) {
  struct message message;
  if (holds_objects) {
    message.size = sizeof message.object;
    message.object = (struct object){i, "two", 3.5};
  } else {
    message.size = sizeof message.integer;
    message.integer = i;
  }
  if (counts_slots) sem_wait(slots);
  sem_wait(writing);
  write_all(ends[1], &message, HEADER + message.size);
  sem_post(writing);
}

static void get(void) {
  struct message message;
  sem_wait(reading);
  read_all(ends[0], &message, HEADER);
  read_all(ends[0], (char*)&message + HEADER, message.size);
  if (counts_slots) sem_post(slots);
  sem_post(reading);
}

static void produce(void) {
  for (int run = 0; run < RUNS; ++run) {
    sem_wait(go);
    for (int i = 0; i < count; ++i) put(i);
  }
}

static double measure(void) {
  const double begin = now();
  sem_post(go);
  for (int i = 0; i < count; ++i) get();
  return count / 1e6 / (now() - begin);
}

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  counts_slots = strcmp(argv[1], "Queue") == 0;
  holds_objects = strcmp(argv[2], "object") == 0;
  count = atoi(argv[3]);
  check(pipe(ends) == 0, "pipe");
  slots = semaphore(SLOTS);
  reading = semaphore(1);
  writing = semaphore(1);
  go = semaphore(0);
  start(produce);
  report(measure);
  join();
  return 0;
}
