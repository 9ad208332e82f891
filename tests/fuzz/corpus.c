/* Writes inputs as the plain files that libFuzzer starts from: fuzz.corpus FOLDER FILE... A file is a golden vector
 * (.hex) or has an input on each line, in hex digits (.lines). */
#include "vector.h"

enum { LINE_SIZE = 16384 };

static bool s_write(const char *folder, const char *from, unsigned number, zr_span_t bytes) {
    char path[4096];
    const char *slash = strrchr(from, '/');
    snprintf(path, sizeof path, "%s/%s.%u.bin", folder, slash ? slash + 1 : from, number);
    FILE *file = fopen(path, "wb");
    return file && fwrite(bytes.ptr, 1, bytes.len, file) == bytes.len && fclose(file) == 0;
}

static bool s_write_lines(const char *folder, const char *from) {
    static char line[LINE_SIZE];
    static vector_t input;
    bool good = true;
    FILE *file = fopen(from, "r");
    if (!file)
        return false;
    for (unsigned number = 0; good && fgets(line, sizeof line, file); number++) {
        line[strcspn(line, "\n")] = '\0';
        input.len = 0;
        good = vector_line(&input, line) && s_write(folder, from, number, vector_span(&input));
    }
    fclose(file);
    return good;
}

int main(int argc, char **argv) {
    static vector_t vector;
    for (int i = 2; i < argc; i++) {
        size_t len = strlen(argv[i]);
        bool lines = len > 6 && strcmp(argv[i] + len - 6, ".lines") == 0;
        bool good = lines ? s_write_lines(argv[1], argv[i])
                          : vector_read(&vector, argv[i]) && s_write(argv[1], argv[i], 0, vector_span(&vector));
        if (!good) {
            fprintf(stderr, "cannot write what is in %s to %s\n", argv[i], argv[1]);
            return 1;
        }
    }
    return 0;
}
