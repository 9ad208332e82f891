/* zrelay keygen: a key pair for encrypted connections. */
#include <jansson.h>
#include <unistd.h>

#include "cli.h"
#include "format.h"
#include "key_file.h"
#include "output.h"

extern const command_t cmd_keygen;

static int s_make(const char *name, bool json) {
    zr_pair_t pair;
    zr_error_t error = {0};
    if (!zr_pair_make(&pair, name, &error))
        return zr_error_print(&error, "zrelay");
    output_t output;
    output_open(&output, STDOUT_FILENO, NULL, NULL);
    if (json)
        format_json(&output.buffer, json_pack("{ss}", "public-key", pair.public_key));
    else
        zr_buffer_printf(&output.buffer, "%s\n", pair.public_key);
    zr_pair_wipe(&pair);
    int code = output_close(&output, CLI_DONE);
    cli_say("%s_secret is to be kept secret; the broker's operator needs the public key", name);
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
