/* Writes golden vectors as the plain files that libFuzzer starts from: fuzz.corpus FOLDER VECTOR... */
#include "vector.h"

int main(int argc, char **argv) {
    static vector_t vector;
    for (int i = 2; i < argc; i++) {
        char path[4096];
        const char *slash = strrchr(argv[i], '/');
        snprintf(path, sizeof path, "%s/%s.bin", argv[1], slash ? slash + 1 : argv[i]);
        FILE *file = vector_read(&vector, argv[i]) ? fopen(path, "wb") : NULL;
        if (!file || fwrite(vector.bytes, 1, vector.len, file) != vector.len || fclose(file) != 0) {
            fprintf(stderr, "cannot turn %s into %s\n", argv[i], path);
            return 1;
        }
    }
    return 0;
}
