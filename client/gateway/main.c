/* zrelay-gateway: the command line, and what the process needs before the first socket exists. */
#include <pthread.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "descriptors.h"
#include "gateway.h"
#include "hash.h"
#include "options.h"

enum { NOFILE_MAX = 1 << 20, DESCRIPTORS_MIN = 64 };

static const char s_usage[] =
    "usage: zrelay-gateway [OPTION]...\n"
    "Lets browsers, HTTP clients and plain TCP clients use a zrelay broker.\n"
    "\n"
    "  --server ENDPOINT        the broker (default tcp://127.0.0.1:5570)\n"
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
    "  --config FILE            settings in ZPL; the command line comes first\n"
    "  --check-config           check FILE and the other options, and what they name, and leave\n"
    "  --insecure               let other machines connect, without encryption\n"
    "  --log-level LEVEL        error, warn, info (default) or debug; lines go to stderr\n"
    "  --version                print the version and leave\n"
    "  --help                   print this and leave\n"
    "\n"
    "On start it prints one line with its address. SIGTERM, SIGINT and SIGQUIT stop it.\n";

typedef struct {
    const char *server, *http, *tls_cert, *tls_key, *page, *lines, *lines_room, *lines_format, *lines_history,
        *config_file, *log_level;
    zr_texts_t proxies, origins;
    bool check_config, insecure, version, help;
} flags_t;

static bool s_parse(int argc, char *argv[], flags_t *flags, zr_error_t *error) {
    const zr_option_t options[] = {
        {"server", 0, ZR_OPTION_TEXT, &flags->server, NULL, 0, 0},
        {"http", 0, ZR_OPTION_TEXT, &flags->http, NULL, 0, 0},
        {"tls-cert", 0, ZR_OPTION_TEXT, &flags->tls_cert, NULL, 0, 0},
        {"tls-key", 0, ZR_OPTION_TEXT, &flags->tls_key, NULL, 0, 0},
        {"trusted-proxy", 0, ZR_OPTION_TEXTS, &flags->proxies, NULL, 0, 0},
        {"origin", 0, ZR_OPTION_TEXTS, &flags->origins, NULL, 0, 0},
        {"page", 0, ZR_OPTION_TEXT, &flags->page, NULL, 0, 0},
        {"lines", 0, ZR_OPTION_TEXT, &flags->lines, NULL, 0, 0},
        {"lines-room", 0, ZR_OPTION_TEXT, &flags->lines_room, NULL, 0, 0},
        {"lines-format", 0, ZR_OPTION_TEXT, &flags->lines_format, NULL, 0, 0},
        {"lines-history", 0, ZR_OPTION_TEXT, &flags->lines_history, NULL, 0, 0},
        {"config", 0, ZR_OPTION_TEXT, &flags->config_file, NULL, 0, 0},
        {"check-config", 0, ZR_OPTION_FLAG, &flags->check_config, NULL, 0, 0},
        {"insecure", 0, ZR_OPTION_FLAG, &flags->insecure, NULL, 0, 0},
        {"log-level", 0, ZR_OPTION_TEXT, &flags->log_level, NULL, 0, 0},
        {"version", 0, ZR_OPTION_FLAG, &flags->version, NULL, 0, 0},
        {"help", 0, ZR_OPTION_FLAG, &flags->help, NULL, 0, 0},
    };
    const zr_option_list_t list = {options, sizeof options / sizeof options[0]};
    return zr_options_parse(&list, 1, false, &argc, argv, error) &&
           (argc == 0 || zr_fail(error, "there is nothing to do with \"%.80s\"", argv[0]));
}

static bool s_set(gateway_config_t *config, const char *section, const char *name, const char *option,
    const char *value, zr_error_t *error) {
    return !value || gateway_config_set(config, section, name, option, value, error);
}

static bool s_add(
    gateway_config_t *config, const char *name, const char *option, const zr_texts_t *values, zr_error_t *error) {
    bool ok = true;
    for (size_t i = 0; i < values->count; i++)
        ok &= gateway_config_set(config, "http", name, option, values->items[i], error);
    return ok;
}

/* Lists of the command line replace those of the file. */
static bool s_configure(gateway_config_t *config, const flags_t *flags, zr_error_t *error) {
    gateway_config_default(config);
    if (flags->config_file && !gateway_config_read(config, flags->config_file, error))
        return false;
    config->proxy_count = flags->proxies.count ? 0 : config->proxy_count;
    config->origin_count = flags->origins.count ? 0 : config->origin_count;
    config->insecure |= flags->insecure;
    bool ok = s_set(config, "broker", "server", "--server", flags->server, error);
    ok &= s_set(config, "http", "listen", "--http", flags->http, error);
    ok &= s_set(config, "http", "tls-cert", "--tls-cert", flags->tls_cert, error);
    ok &= s_set(config, "http", "tls-key", "--tls-key", flags->tls_key, error);
    ok &= s_set(config, "http", "page", "--page", flags->page, error);
    ok &= s_set(config, "lines", "listen", "--lines", flags->lines, error);
    ok &= s_set(config, "lines", "room", "--lines-room", flags->lines_room, error);
    ok &= s_set(config, "lines", "format", "--lines-format", flags->lines_format, error);
    ok &= s_set(config, "lines", "history", "--lines-history", flags->lines_history, error);
    ok &= s_set(config, "http", "log-level", "--log-level", flags->log_level, error);
    ok &= s_add(config, "trusted-proxy", "--trusted-proxy", &flags->proxies, error);
    ok &= s_add(config, "origin", "--origin", &flags->origins, error);
    return ok && gateway_config_complete(config, error);
}

/* --- The process --- */

/* Before any thread exists, since threads inherit the mask. */
static void s_block_signals(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGQUIT);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
}

static void s_raise_descriptors(const gateway_config_t *config) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max < NOFILE_MAX ? limit.rlim_max : NOFILE_MAX;
    setrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur < config->max_connections + DESCRIPTORS_MIN)
        zr_log(ZR_LOG_WARN,
            "%llu file descriptors are allowed, %llu connections (limits/max-connections) need more: raise the limit "
            "(ulimit -n, LimitNOFILE=) or lower the other",
            (unsigned long long)limit.rlim_cur, (unsigned long long)config->max_connections);
}

static bool s_serve(const gateway_config_t *config, zr_error_t *error) {
    uint8_t key[16];
    s_block_signals();
    s_raise_descriptors(config);
    if (!zr_descriptors_left(DESCRIPTORS_MIN))
        return zr_fail(error, "fewer than %d file descriptors are left; raise the limit (ulimit -n, LimitNOFILE=)",
            DESCRIPTORS_MIN);
    randombytes_buf(key, sizeof key);
    zr_hash_seed(key);
    gateway_t *gateway = gateway_new(config, error);
    if (!gateway)
        return false;
    char *banner = gateway_banner(gateway);
    puts(banner);
    fflush(stdout);
    free(banner);
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
    zr_error_t error = {0};
    flags_t flags = {0};
    bool parsed = s_parse(argc - 1, argv + 1, &flags, &error), done = parsed && s_run(&flags, &error);
    free(flags.proxies.items);
    free(flags.origins.items);
    if (!parsed)
        return zr_options_misused("zrelay-gateway", &error);
    return done ? zr_options_shown("zrelay-gateway") : zr_error_print(&error, "zrelay-gateway");
}
