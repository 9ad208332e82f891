/* Runs a fuzz target without libFuzzer: on every file given, then on seeded random mutations of them. A file whose name
 * ends in .hex is a golden vector; one in .lines has an input on each line, in hex digits. The same arguments give the same run. On failure the input is printed as a vector, to be
 * run again.
 *
 *     fuzz.NAME [-runs=N] [-seed=N] FILE-OR-FOLDER... */
#include <dirent.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz.h"
#include "vector.h"

enum { INPUTS_MAX = 8192, INPUT_SIZE = 4096, MUTATIONS_MAX = 6 };

typedef struct {
    size_t len;
    uint8_t bytes[INPUT_SIZE];
} input_t;

static input_t *s_inputs[INPUTS_MAX];
static size_t s_input_count;
static input_t s_current;
static uint64_t s_random_state;

/* xorshift64*: the same on every machine. */
static uint32_t s_random(uint32_t below) {
    s_random_state ^= s_random_state >> 12;
    s_random_state ^= s_random_state << 25;
    s_random_state ^= s_random_state >> 27;
    return (uint32_t)((s_random_state * 0x2545F4914F6CDD1DULL) >> 32) % below;
}

/* Only write(2): this runs inside signal handlers. */
static void s_print_input(void) {
    for (size_t i = 0; i < s_current.len; i++) {
        char text[3];
        sodium_bin2hex(text, sizeof text, &s_current.bytes[i], 1);
        text[2] = i % 24 == 23 ? '\n' : ' ';
        if (write(STDERR_FILENO, text, sizeof text) < 0)
            return;
    }
    if (write(STDERR_FILENO, "\n", 1) < 0)
        return;
}

static void s_on_signal(int signal_number) {
    s_print_input();
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

/* A sanitizer ends the program without a signal. */
void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));

static void s_run(void) {
    /* A block of just this size, so that a sanitizer sees each byte read beyond it. */
    uint8_t *copy = malloc(s_current.len ? s_current.len : 1);
    if (!copy)
        abort();
    memcpy(copy, s_current.bytes, s_current.len);
    LLVMFuzzerTestOneInput(copy, s_current.len);
    free(copy);
}

static input_t *s_add(void) {
    if (s_input_count == INPUTS_MAX)
        return NULL;
    return s_inputs[s_input_count++] = calloc(1, sizeof(input_t));
}

static bool s_add_vector(const vector_t *vector) {
    input_t *input = s_add();
    if (!input)
        return false;
    input->len = vector->len;
    memcpy(input->bytes, vector->bytes, vector->len);
    return true;
}

static bool s_load_lines(const char *path) {
    static char line[4 * INPUT_SIZE];
    static vector_t vector;
    bool good = true;
    FILE *file = fopen(path, "r");
    while (good && file && fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = '\0';
        vector.len = 0;
        good = vector_line(&vector, line) && s_add_vector(&vector);
    }
    return file && fclose(file) == 0 && good;
}

static bool s_ends(const char *path, const char *end) {
    size_t len = strlen(path), end_len = strlen(end);
    return len > end_len && strcmp(path + len - end_len, end) == 0;
}

static bool s_load_file(const char *path) {
    static vector_t vector;
    if (s_ends(path, ".lines"))
        return s_load_lines(path);
    if (s_ends(path, ".hex"))
        return vector_read(&vector, path) && s_add_vector(&vector);
    FILE *file = fopen(path, "rb");
    input_t *input = file ? s_add() : NULL;
    if (input)
        input->len = fread(input->bytes, 1, sizeof input->bytes, file);
    return file && fclose(file) == 0 && input;
}

static bool s_load(const char *path) {
    struct stat info;
    struct dirent **items;
    if (stat(path, &info) != 0)
        return false;
    if (!S_ISDIR(info.st_mode))
        return s_load_file(path);
    int count = scandir(path, &items, NULL, alphasort); /* sorted: readdir's order differs between machines */
    bool good = count >= 0;
    for (int i = 0; i < count; i++) {
        char inner[4096];
        snprintf(inner, sizeof inner, "%s/%s", path, items[i]->d_name);
        if (good && items[i]->d_name[0] != '.' && !s_ends(items[i]->d_name, ".md"))
            good = s_load_file(inner);
        free(items[i]);
    }
    if (count >= 0)
        free(items);
    return good;
}

static void s_insert(size_t at, const uint8_t *bytes, size_t len) {
    if (len > sizeof s_current.bytes - s_current.len)
        len = sizeof s_current.bytes - s_current.len;
    memmove(s_current.bytes + at + len, s_current.bytes + at, s_current.len - at);
    memmove(s_current.bytes + at, bytes, len);
    s_current.len += len;
}

static void s_mutate(void) {
    static const uint8_t edges[] = {0x00, 0x01, 0x02, 0x1F, 0x20, 0x21, '"', '*', '[', '\\', '{', '}', 0x7F, 0x80, 0xC0,
        0xE2, 0xED, 0xF4, 0xFE, 0xFF};
    uint8_t bytes[64];
    size_t at = s_random((uint32_t)s_current.len + 1);
    size_t left = s_current.len - at;
    size_t some = left ? 1 + s_random(left < 16 ? (uint32_t)left : 16) : 0;
    const input_t *other = s_inputs[s_random((uint32_t)s_input_count)];
    size_t from = s_random((uint32_t)other->len + 1);
    switch (s_random(8)) {
    case 0: /* flip a bit */
        if (left)
            s_current.bytes[at] ^= (uint8_t)(1u << s_random(8));
        break;
    case 1: /* a byte that often stands at an edge */
        if (left)
            s_current.bytes[at] = edges[s_random(sizeof edges)];
        break;
    case 2: /* one more or less: lengths */
        if (left)
            s_current.bytes[at] = (uint8_t)(s_current.bytes[at] + (s_random(2) ? 1 : -1));
        break;
    case 3:
        memmove(s_current.bytes + at, s_current.bytes + at + some, left - some);
        s_current.len -= some;
        break;
    case 4:
        s_current.len = at;
        break;
    case 5:
        for (size_t i = 0; i < 8; i++)
            bytes[i] = (uint8_t)(s_random(2) ? 0xFF : s_random(256));
        s_insert(at, bytes, 1 + s_random(8));
        break;
    case 6: /* some of it again */
        memcpy(bytes, s_current.bytes + at, some);
        s_insert(s_random((uint32_t)s_current.len + 1), bytes, some);
        break;
    case 7: /* the end of another input */
        s_current.len = at;
        s_insert(at, other->bytes + from, other->len - from);
        break;
    }
}

int main(int argc, char **argv) {
    unsigned long runs = 20000, seed = 1;
    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], "-runs=", 6) == 0) {
            runs = strtoul(argv[i] + 6, NULL, 10);
        } else if (strncmp(argv[i], "-seed=", 6) == 0) {
            seed = strtoul(argv[i] + 6, NULL, 10);
        } else if (!s_load(argv[i])) {
            fprintf(stderr, "cannot read %s\n", argv[i]);
            return 2;
        }
    }
    if (s_input_count == 0) {
        fprintf(stderr, "usage: %s [-runs=N] [-seed=N] FILE-OR-FOLDER...\n", argv[0]);
        return 2;
    }
    signal(SIGABRT, s_on_signal);
    signal(SIGSEGV, s_on_signal);
    if (__sanitizer_set_death_callback)
        __sanitizer_set_death_callback(s_print_input);

    s_random_state = seed * 0x9E3779B97F4A7C15ULL + 1;
    for (size_t i = 0; i < s_input_count; i++) {
        s_current = *s_inputs[i];
        s_run();
    }
    for (unsigned long run = 0; run < runs; run++) {
        s_current = *s_inputs[s_random((uint32_t)s_input_count)];
        for (uint32_t i = s_random(MUTATIONS_MAX) + 1; i > 0; i--)
            s_mutate();
        s_run();
    }
    printf("%zu inputs and %lu mutations of them, seed %lu\n", s_input_count, runs, seed);
    for (size_t i = 0; i < s_input_count; i++)
        free(s_inputs[i]);
    return 0;
}
