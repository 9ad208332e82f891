/* zrelay context: several brokers by name. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli.h"
#include "context.h"
#include "fatal.h"
#include "output.h"

extern const command_t cmd_context;

static int s_failed(const zr_error_t *error) {
    cli_say("%s", error->text);
    return CLI_USAGE;
}

static int s_unknown(const char *name) {
    cli_say("there is no context '%s'; 'zrelay context list' names them", name);
    return CLI_USAGE;
}

static void s_setting(zr_buffer_t *out, const char *name, const char *value, bool is_path) {
    char *whole = value && is_path ? realpath(value, NULL) : NULL;
    if (value)
        zr_buffer_printf(out, "%s = \"%s\"\n", name, whole ? whole : value);
    free(whole);
}

static bool s_is_none(const char *name) {
    return strcmp(name, "none") == 0;
}

static int s_add(const config_t *config, const char *name) {
    zr_buffer_t text = {0};
    zr_error_t error = {0};
    if (!config->server)
        return cli_misuse(&cmd_context, "which broker is '%s'? name it with --server", name);
    if (!context_name_valid(zr_span(name)))
        return cli_misuse(
            &cmd_context, "a context's name is 1 to %d letters, digits, '-', '_' and '.'", CONTEXT_NAME_MAX);
    if (s_is_none(name))
        return cli_misuse(&cmd_context, "no context is named 'none'; 'use none' means no context");
    if (context_exists(name)) {
        cli_say("there is a context '%s' already; 'zrelay context remove %s' takes it away", name, name);
        return CLI_USAGE;
    }
    s_setting(&text, "server", config->server, false);
    s_setting(&text, "nick", config->nick, false);
    s_setting(&text, "certificate", config->certificate, true);
    s_setting(&text, "server-key", config->server_key, false);
    s_setting(&text, "user", config->user, false);
    s_setting(&text, "token-file", config->token_file, true);
    bool good = context_add(name, zr_span_of(text.data, text.len), &error);
    zr_buffer_finish(&text);
    return good ? CLI_DONE : s_failed(&error);
}

static int s_use(const char *name) {
    zr_error_t error = {0};
    if (!s_is_none(name) && !context_exists(name))
        return s_unknown(name);
    return context_use(s_is_none(name) ? NULL : name, &error) ? CLI_DONE : s_failed(&error);
}

static int s_remove(const char *name) {
    zr_error_t error = {0};
    if (!context_exists(name))
        return s_unknown(name);
    char *current = context_current();
    bool used = current && strcmp(current, name) == 0;
    free(current);
    bool good = context_remove(name, &error) && (!used || context_use(NULL, &error));
    return good ? CLI_DONE : s_failed(&error);
}

static int s_list(void) {
    output_t output;
    zr_buffer_t names = {0};
    char *current = context_current();
    output_open(&output, STDOUT_FILENO, NULL, NULL);
    context_list(&names);
    zr_span_t left = zr_span_of(names.data, names.len);
    while (left.len > 0) {
        zr_span_t name = zr_span_cut(&left, '\n');
        bool used = current && zr_span_equal(name, zr_span(current));
        zr_buffer_printf(&output.buffer, "%s%.*s\n", used ? "* " : "  ", (int)name.len, name.ptr);
    }
    zr_buffer_finish(&names);
    free(current);
    return output_close(&output, CLI_DONE);
}

static int s_run(config_t *config, int argc, char **argv) {
    int code = cli_options(&cmd_context, config, NULL, 0, &argc, argv);
    if (code >= 0)
        return code;
    if (argc == 1 && strcmp(argv[0], "list") == 0)
        return s_list();
    if (argc == 2 && strcmp(argv[0], "add") == 0)
        return s_add(config, argv[1]);
    if (argc == 2 && strcmp(argv[0], "use") == 0)
        return s_use(argv[1]);
    if (argc == 2 && strcmp(argv[0], "remove") == 0)
        return s_remove(argv[1]);
    return cli_misuse(&cmd_context, "it is 'add NAME', 'use NAME', 'remove NAME' or 'list'");
}

const command_t cmd_context = {
    .name = "context",
    .usage = "add NAME | use NAME | remove NAME | list",
    .summary = "name several brokers, and choose one of them",
    .help = "A context is a configuration file of its own, for one broker and one user. 'add' makes one from the\n"
            "options --server, --nick, --certificate, --server-key, --user and --token-file. 'use' makes all\n"
            "commands take it in place of zrelay.conf; 'use none' ends that. For one command alone there are\n"
            "--context NAME and the environment's ZRELAY_CONTEXT. 'list' marks the one in use with '*'.\n"
            "\n"
            "  zrelay context add work -s chat.example.org --certificate ~/.config/ann\n"
            "  zrelay context use work\n"
            "  zrelay --context home chat\n"
            "\n"
            "The files are zrelay/contexts/NAME.conf beside the configuration file.\n",
    .run = s_run,
};
