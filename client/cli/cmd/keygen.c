/* zrelay keygen: a key pair for encrypted connections. */
#include <jansson.h>
#include <sodium/utils.h>
#include <time.h>
#include <unistd.h>

#include "certificate.h"
#include "cli.h"
#include "format.h"
#include "names.h"
#include "output.h"
#include "secret.h"

extern const command_t cmd_keygen;

static bool s_write(const char *path, const certificate_t *pair, bool secret, const char *when, zr_buffer_t *error) {
    zr_buffer_t text = {0};
    zr_buffer_reserve(&text, 1024); /* so that it does not move */
    certificate_write(&text, pair, secret, when);
    bool good = secret_create(path, secret ? 0600 : 0644, zr_span_of(text.data, text.len), error);
    secret_finish(&text);
    return good;
}

/* Writes the secret file first: if the public one exists, both do. */
static bool s_files(const char *name, const char *secret_name, const certificate_t *pair, zr_buffer_t *error) {
    char when[32];
    time_t now = time(NULL);
    struct tm utc;
    strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &utc));
    if (!s_write(secret_name, pair, true, when, error))
        return false;
    if (s_write(name, pair, false, when, error))
        return true;
    unlink(secret_name);
    return false;
}

static int s_make(const char *name, bool json) {
    certificate_t pair;
    zr_buffer_t error = {0}, secret_name = {0};
    format_add(&secret_name, "%s_secret%c", name, '\0');
    bool good = certificate_make(&pair);
    if (!good)
        format_add(&error, "libzmq was built without encryption");
    good = good && s_files(name, (const char *)secret_name.data, &pair, &error);
    int code = good ? CLI_DONE : CLI_USAGE;
    if (good) {
        output_t output;
        output_open(&output, STDOUT_FILENO, NULL, NULL);
        if (json)
            format_json(&output.buffer, json_pack("{ss}", "public-key", pair.public_key));
        else
            format_add(&output.buffer, "%s\n", pair.public_key);
        code = output_close(&output, code);
        cli_say("%s is to be kept secret; the broker's operator needs the public key", (const char *)secret_name.data);
    } else {
        cli_say("%.*s", (int)error.len, (const char *)error.data);
    }
    sodium_memzero(&pair, sizeof pair);
    zr_buffer_finish(&secret_name);
    zr_buffer_finish(&error);
    return code;
}

static int s_run(config_t *config, int argc, char **argv) {
    int code = cli_options(&cmd_keygen, config, NULL, 0, &argc, argv);
    if (code >= 0)
        return code;
    if (argc != 1 || !argv[0][0])
        return cli_misuse(&cmd_keygen, argc > 1 ? "one name at a time" : "which name shall the files have?");
    return s_make(argv[0], config->json);
}

const command_t cmd_keygen = {
    .name = "keygen",
    .usage = "NAME",
    .summary = "make a key pair for encrypted connections",
    .help = "Makes a key pair and writes the public key to the file NAME and both to NAME_secret, which only you\n"
            "may read. Files that are there are not overwritten. Prints the public key, which the broker's\n"
            "operator enters for your user; then connect with --certificate NAME and the broker's --server-key.\n",
    .run = s_run,
};
