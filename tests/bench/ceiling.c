/* The most that this machine allows any relay: bytes a second from one writer through the kernel to so many readers
 * over loopback TCP. With "encrypted" the writer encrypts each piece once for each reader, and the reader decrypts it,
 * by the cipher of CURVE. Nothing else is done with the bytes: no frames, no order, no publishers.
 * Usage: ceiling READERS BYTES-OF-A-DELIVERY [encrypted] */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PIECE = 64 << 10, READERS_MAX = 1000, STACK = 256 << 10, SECONDS = 1 };

static uint8_t s_key[crypto_box_BEFORENMBYTES], s_nonce[crypto_box_NONCEBYTES];

typedef struct {
    int from;
    bool encrypted;
    unsigned long long bytes;
} reader_t;

static void s_die(const char *what) {
    perror(what);
    exit(EXIT_FAILURE);
}

static double s_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* A piece of plain bytes, to or from the other end. */
static size_t s_size(bool encrypted) {
    return PIECE + (encrypted ? crypto_box_MACBYTES : 0);
}

static void *s_read(void *arg) {
    reader_t *reader = arg;
    uint8_t *piece = malloc(PIECE + crypto_box_MACBYTES), *text = malloc(PIECE);
    size_t size = s_size(reader->encrypted), got = 0;
    ssize_t more;
    while ((more = read(reader->from, piece + got, size - got)) > 0) {
        got += (size_t)more;
        if (got < size)
            continue;
        if (reader->encrypted && crypto_box_open_easy_afternm(text, piece, got, s_nonce, s_key) != 0)
            s_die("a piece is damaged");
        reader->bytes += PIECE;
        got = 0;
    }
    free(piece);
    free(text);
    return NULL;
}

static void s_connect(int ends[2]) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(listener, (struct sockaddr *)&address, len) != 0 || listen(listener, 1) != 0 ||
        getsockname(listener, (struct sockaddr *)&address, &len) != 0)
        s_die("cannot listen");
    ends[0] = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(ends[0], (struct sockaddr *)&address, len) != 0 || (ends[1] = accept(listener, NULL, NULL)) < 0)
        s_die("cannot connect");
    close(listener);
}

static void s_write(int to, const uint8_t *piece, size_t size) {
    for (size_t done = 0; done < size;) {
        ssize_t more = write(to, piece + done, size - done);
        if (more < 0)
            s_die("cannot write");
        done += (size_t)more;
    }
}

/* Plain bytes a second that all readers got. */
static double s_measure(size_t readers, bool encrypted) {
    static reader_t crowd[READERS_MAX];
    static pthread_t threads[READERS_MAX];
    static int to[READERS_MAX];
    uint8_t *text = calloc(1, PIECE), *piece = malloc(PIECE + crypto_box_MACBYTES);
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK);
    for (size_t i = 0; i < readers; i++) {
        int ends[2];
        s_connect(ends);
        to[i] = ends[0];
        crowd[i] = (reader_t){.from = ends[1], .encrypted = encrypted};
        if (pthread_create(&threads[i], &attributes, s_read, &crowd[i]) != 0)
            s_die("cannot start a thread");
    }
    double start = s_now();
    do
        for (size_t i = 0; i < readers; i++) {
            if (encrypted)
                crypto_box_easy_afternm(piece, text, PIECE, s_nonce, s_key);
            s_write(to[i], encrypted ? piece : text, s_size(encrypted));
        }
    while (s_now() - start < SECONDS);
    unsigned long long bytes = 0;
    for (size_t i = 0; i < readers; i++) {
        shutdown(to[i], SHUT_WR);
        pthread_join(threads[i], NULL);
        close(to[i]);
        close(crowd[i].from);
        bytes += crowd[i].bytes;
    }
    double seconds = s_now() - start;
    pthread_attr_destroy(&attributes);
    free(text);
    free(piece);
    return (double)bytes / seconds;
}

int main(int argc, char *argv[]) {
    size_t readers = argc > 1 ? (size_t)atol(argv[1]) : 0, size = argc > 2 ? (size_t)atol(argv[2]) : 0;
    bool encrypted = argc > 3 && strcmp(argv[3], "encrypted") == 0;
    if (readers < 1 || readers > READERS_MAX || size < 1 || argc > 3 + encrypted || sodium_init() < 0) {
        fprintf(stderr, "usage: ceiling READERS (1 to %d) BYTES-OF-A-DELIVERY [encrypted]\n", READERS_MAX);
        return EXIT_FAILURE;
    }
    double found = s_measure(readers, encrypted);
    printf("%.0f MB/s, %.0f deliveries/s\n", found / 1e6, found / (double)size);
    return EXIT_SUCCESS;
}
