/* zrelay-gateway: the command line, and what the process needs before the first socket exists. */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "gateway.h"
#include "options.h"
#include "service.h"

enum { DESCRIPTORS_MIN = 64 }; /* of the gateway itself, about */

static const char s_usage[] =
    "usage: zrelay-gateway [OPTION]...\n"
    "Lets browsers, HTTP clients, IRC clients and plain TCP clients use a zrelay broker.\n"
    "\n"
    "  --server ENDPOINT        the broker (default tcp://127.0.0.1:5570). A,B,C: brokers of one log; the\n"
    "                           gateway goes on at the next one after a loss\n"
    "  --http ADDRESS:PORT      where to listen (default 127.0.0.1:5580); address * for all, port * for a free one\n"
    "  --tls-cert FILE          the certificate chain, in PEM; with --tls-key the gateway speaks HTTPS\n"
    "  --tls-key FILE           the secret key of the certificate, in PEM\n"
    "  --trusted-proxy ADDRESS  a proxy, or a block such as 10.0.0.0/8, that names the addresses of its clients;\n"
    "                           may be repeated\n"
    "  --origin ORIGIN          pages of this origin may connect, such as https://chat.example.org, or *;\n"
    "                           may be repeated (default: pages of the gateway itself)\n"
    "  --page FOLDER            the files that are served at /\n"
    "  --lines ADDRESS:PORT     where telnet, nc and scripts may chat in lines of text (default: nowhere)\n"
    "  --lines-room ROOM        the room that they join (default lobby)\n"
    "  --lines-format FORMAT    nick (default): messages come as \"nick: text\"; body: the text alone\n"
    "  --lines-history COUNT    messages that are shown on joining, 0 to 1000 (default 10)\n"
    "  --irc ADDRESS:PORT       where IRC clients may connect, such as weechat and irssi (default: nowhere)\n"
    "  --irc-tls ADDRESS:PORT   the same over TLS, with the certificate of --tls-cert (default: nowhere)\n"
    "  --irc-history COUNT      messages that are shown on joining, to clients that cannot ask (default 20)\n"
    "  --config FILE            settings in ZPL; the command line comes first\n"
    "  --check-config           check FILE and the other options, and what they name, and leave\n"
    "  --insecure               let other machines connect, without encryption\n"
    "  --log-level LEVEL        error, warn, info (default) or debug; lines go to stderr\n"
    "  --version                print the version and leave\n"
    "  --help                   print this and leave\n"
    "\n"
    "On start it prints one line with its address. SIGTERM, SIGINT and SIGQUIT stop it.\n"
    "SIGHUP makes it read the certificate and its key again; connections go on.\n";

/* The options that set a row of the settings, over what the configuration file set. */
static zr_setting_option_t s_sets[] = {
    {"server", "broker", "server", {0}},
    {"http", "http", "listen", {0}},
    {"tls-cert", "http", "tls-cert", {0}},
    {"tls-key", "http", "tls-key", {0}},
    {"trusted-proxy", "http", "trusted-proxy", {0}},
    {"origin", "http", "origin", {0}},
    {"page", "http", "page", {0}},
    {"lines", "lines", "listen", {0}},
    {"lines-room", "lines", "room", {0}},
    {"lines-format", "lines", "format", {0}},
    {"lines-history", "lines", "history", {0}},
    {"irc", "irc", "listen", {0}},
    {"irc-tls", "irc", "tls-listen", {0}},
    {"irc-history", "irc", "history", {0}},
    {"log-level", "http", "log-level", {0}},
};
enum { SETS = sizeof s_sets / sizeof s_sets[0] };

typedef struct {
    const char *config_file;
    bool check_config, insecure, version, help;
} flags_t;

static bool s_parse(int argc, char *argv[], flags_t *flags, zr_error_t *error) {
    const zr_option_t options[] = {
        {"config", 0, ZR_OPTION_TEXT, &flags->config_file, NULL, 0, 0},
        {"check-config", 0, ZR_OPTION_FLAG, &flags->check_config, NULL, 0, 0},
        {"insecure", 0, ZR_OPTION_FLAG, &flags->insecure, NULL, 0, 0},
        {"version", 0, ZR_OPTION_FLAG, &flags->version, NULL, 0, 0},
        {"help", 0, ZR_OPTION_FLAG, &flags->help, NULL, 0, 0},
    };
    zr_option_t sets[SETS];
    zr_setting_options(s_sets, SETS, sets);
    const zr_option_list_t lists[] = {{options, sizeof options / sizeof options[0]}, {sets, SETS}};
    return zr_options_parse(lists, 2, false, &argc, argv, error) &&
           (argc == 0 || zr_fail(error, "there is nothing to do with \"%.80s\"", argv[0]));
}

static bool s_configure(gateway_config_t *config, const flags_t *flags, zr_error_t *error) {
    gateway_config_default(config);
    if (flags->config_file && !zr_settings_read(&gateway_config_table, config, flags->config_file, error))
        return false;
    config->insecure |= flags->insecure;
    return zr_settings_apply(&gateway_config_table, config, s_sets, SETS, error) &&
           gateway_config_complete(config, error);
}

static bool s_serve(const gateway_config_t *config, zr_error_t *error) {
    uint64_t allowed;
    zr_service_block_signals();
    if (!zr_service_raise_descriptors(DESCRIPTORS_MIN, &allowed, error))
        return false;
    zr_service_seed();
    gateway_t *gateway = gateway_new(config, error);
    if (!gateway)
        return false;
    zr_service_print_banner(gateway_banner(gateway));
    zr_service_warn_descriptors(allowed, config->max_connections + DESCRIPTORS_MIN, config->max_connections,
        "connections (limits/max-connections)");
    if (config->insecure)
        zr_log(ZR_LOG_AUDIT, "INSECURE: --insecure lets other machines connect without encryption");
    gateway_run(gateway);
    gateway_destroy(gateway);
    return true;
}

static bool s_check_config(const gateway_config_t *config, const flags_t *flags, zr_error_t *error) {
    return gateway_check(config, error) &&
           printf("%s: ok\n", flags->config_file ? flags->config_file : "the options") > 0;
}

static bool s_run(const flags_t *flags, zr_error_t *error) {
    static gateway_config_t config;
    if (flags->version)
        return puts("zrelay-gateway " ZRELAY_VERSION) >= 0;
    if (flags->help)
        return fputs(s_usage, stdout) >= 0;
    if (sodium_init() < 0)
        return zr_fail(error, "cannot start libsodium");
    if (!s_configure(&config, flags, error))
        return false;
    if (flags->check_config)
        return s_check_config(&config, flags, error);
    zr_log_set_level(config.log_level);
    return s_serve(&config, error);
}

int main(int argc, char *argv[]) {
    zr_service_fill_descriptors();
    zr_error_t error = {0};
    flags_t flags = {0};
    bool parsed = s_parse(argc - 1, argv + 1, &flags, &error), done = parsed && s_run(&flags, &error);
    zr_setting_options_finish(s_sets, SETS);
    if (!parsed)
        return zr_options_misused("zrelay-gateway", &error);
    return done ? zr_options_shown("zrelay-gateway") : zr_error_print(&error, "zrelay-gateway");
}
