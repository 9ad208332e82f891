/* zrelayd: the command line, and what the process needs before the first socket exists. */
#include <czmq.h>
#include <errno.h>
#include <linux/close_range.h>
#include <malloc.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bans.h"
#include "cluster.h"
#include "jwt_keys.h"
#include "key_file.h"
#include "db_backup.h"
#include "open_log.h"
#include "options.h"
#include "server.h"
#include "service.h"
#include "setting_show.h"
#include "settings_live.h"
#include "sockets.h"
#include "token.h"
#include "upstream_link.h"
#include "users.h"

enum { DESCRIPTORS_PER_CLIENT = 2, DESCRIPTORS_MIN = 40 /* of the broker itself, about */ };
enum {
    KEEP_BYTES = 1 << 20
}; /* blocks up to this size are used again; the largest live frame by default has a fourth */

static const char s_usage[] =
    "usage: zrelayd [OPTION]...\n"
    "A ZeroMQ pub/sub message relay.\n"
    "\n"
    "  --listen ENDPOINT    where clients connect (default tcp://127.0.0.1:5570); may be repeated.\n"
    "                       tcp://ADDRESS:PORT, address * for all (IPv6 and IPv4), port * for a free one,\n"
    "                       or ipc://PATH\n"
    "  --back ENDPOINT      where clients read (default: the port after each listener's, or its path\n"
    "                       with -back); may be repeated\n"
    "  --config FILE        settings in ZPL; the command line comes first\n"
    "  --check-config       check FILE and the other options, and what they name: addresses, users, keys,\n"
    "                       the directory; show what differs from the broker that runs with them, else from\n"
    "                       the defaults; and leave\n"
    "  --data DIR           keep messages on disk, in DIR (default: in memory only)\n"
    "  --store URI          keep messages in a database of PostgreSQL, postgresql://USER@HOST/DATABASE;\n"
    "                       the password comes from a file or the environment, never from here\n"
    "  --backup FILE        copy the log of --data into FILE, which must not exist, and leave; a broker\n"
    "                       may be using it\n"
    "  --restore FILE       make FILE, such a copy, the log of --data, and leave; no broker may be using\n"
    "                       it. The log that was there is kept under another name\n"
    "  --copy DIR           copy the log in DIR into the database of --store, which must have none, and\n"
    "                       leave; no broker may be using either\n"
    "  --users FILE         the users that may connect, their keys and rights (default: everybody\n"
    "                       may do everything)\n"
    "  --server-key FILE    encrypt what other machines can reach; FILE is the secret one of --keygen\n"
    "  --keygen FILE        make a pair of keys, in FILE and FILE_secret, and leave\n"
    "  --hash-token         read a token from stdin, print its hash for the users file, and leave\n"
    "  --upstream ENDPOINT  be a leaf: keep no messages, and carry the clients to the broker at ENDPOINT.\n"
    "                       A,B,C: brokers of one log; the leaf goes on at the next one after a loss\n"
    "  --upstream-key KEY   that broker's public key, if ENDPOINT is encrypted; of several, one for each\n"
    "  --certificate FILE   with it: the pair of keys of this leaf; FILE is the secret one of --keygen\n"
    "  --insecure           let other machines connect, without encryption\n"
    "  --log-level LEVEL    error, warn, info (default) or debug; lines go to stderr\n"
    "  --log-format FORMAT  text (default) or json\n"
    "  --version            print the version and leave\n"
    "  --help               print this and leave\n"
    "\n"
    "On start it prints one line with its endpoints. SIGTERM, SIGINT and SIGQUIT stop it; a second at once.\n"
    "SIGHUP makes it read FILE and the users file again; the log says which changes take a restart.\n"
    "SIGUSR1 makes it write its counters to the log, SIGUSR2 open the file of server/log-file anew.\n";

/* The options that set a row of the settings, over what the configuration file set. */
static zr_setting_option_t s_sets[] = {
    {"listen", "server", "listen", {0}},
    {"back", "server", "back", {0}},
    {"data", "log", "data", {0}},
    {"store", "log", "store", {0}},
    {"users", "auth", "users", {0}},
    {"server-key", "auth", "server-key", {0}},
    {"upstream", "upstream", "endpoint", {0}},
    {"upstream-key", "upstream", "server-key", {0}},
    {"certificate", "upstream", "certificate", {0}},
    {"log-level", "server", "log-level", {0}},
    {"log-format", "server", "log-format", {0}},
};
enum { SETS = sizeof s_sets / sizeof s_sets[0] };

static char **s_arguments; /* of the program */

enum { START_ANEW_S = 120 }; /* for the log to load, while no loop turns */

/* What the process does when the server is closed. */
enum { CLOSE_AND_FAIL, CLOSE_AND_END, CLOSE_AND_START_ANEW };
static volatile sig_atomic_t s_after_close = CLOSE_AND_FAIL;

typedef struct {
    const char *config_file, *backup, *restore, *copy, *keygen;
    bool check_config, hash_token, insecure, version, help;
} flags_t;

/* What SIGHUP needs of this run. */
typedef struct {
    const flags_t *flags;
    const settings_t *chosen; /* that are in force */
} run_t;

/* --- The command line --- */

static bool s_parse(int argc, char *argv[], flags_t *flags, zr_error_t *error) {
    const zr_option_t options[] = {
        {"backup", 0, ZR_OPTION_TEXT, &flags->backup, NULL, 0, 0},
        {"restore", 0, ZR_OPTION_TEXT, &flags->restore, NULL, 0, 0},
        {"copy", 0, ZR_OPTION_TEXT, &flags->copy, NULL, 0, 0},
        {"config", 0, ZR_OPTION_TEXT, &flags->config_file, NULL, 0, 0},
        {"check-config", 0, ZR_OPTION_FLAG, &flags->check_config, NULL, 0, 0},
        {"keygen", 0, ZR_OPTION_TEXT, &flags->keygen, NULL, 0, 0},
        {"hash-token", 0, ZR_OPTION_FLAG, &flags->hash_token, NULL, 0, 0},
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

static bool s_configure(settings_t *settings, const flags_t *flags, zr_error_t *error) {
    settings_default(settings);
    if (flags->config_file && !zr_settings_read(&settings_table, settings, flags->config_file, error))
        return false;
    settings->insecure |= flags->insecure;
    return zr_settings_apply(&settings_table, settings, s_sets, SETS, error) && settings_complete(settings, error);
}

/* --- The process --- */

/* A client takes two descriptors. Clients that come when hardly any are left are turned away (addresses.h). */
static void s_tell_descriptors(const settings_t *settings, uint64_t allowed) {
    uint64_t sessions = settings->relay.max_sessions;
    zr_log(ZR_LOG_INFO, "%llu file descriptors are allowed: at most %llu clients", (unsigned long long)allowed,
        (unsigned long long)allowed / DESCRIPTORS_PER_CLIENT);
    zr_service_warn_descriptors(allowed, sessions * DESCRIPTORS_PER_CLIENT, sessions, "sessions (limits/max-sessions)");
}

/* CZMQ takes defaults from ZSYS_* variables: queue lengths, threads, even a socket that log lines are sent to. The
 * configuration file decides here, so they go, but for the one that keeps CZMQ's hands off the signals. */
static void s_init_zsys(const settings_t *settings) {
    extern char **environ;
    for (char **variable = environ; variable && *variable;) {
        char name[64];
        const char *end = strchr(*variable, '=');
        size_t len = end ? (size_t)(end - *variable) : 0;
        if (strncmp(*variable, "ZSYS_", 5) != 0 || len == 0 || len >= sizeof name) {
            variable++;
            continue;
        }
        memcpy(name, *variable, len);
        name[len] = '\0';
        unsetenv(name); /* moves the rest up */
    }
    setenv("ZSYS_SIGHANDLER", "false", 1);
    void *context = zsys_init();
    zmq_ctx_set(context, ZMQ_IO_THREADS, (int)settings->io_threads);
}

/* After zsys_init, before the first socket. ROUTER counts its routing ids up from a rand(), and a peer that guesses the
 * next one and claims it makes libzmq abort. zsys_init seeds the same generator with the time of day. */
static void s_seed_router(void) {
    unsigned seed;
    randombytes_buf(&seed, sizeof seed);
    srand(seed);
}

/* A frame lives until the log forgets it, and another one of that size takes its place. By default malloc takes each
 * large frame from the system, and gives it back: some 20 page faults for a thousand messages, a tenth of all the time. */
static void s_keep_memory(void) {
#ifdef __GLIBC__
    mallopt(M_MMAP_THRESHOLD, KEEP_BYTES);
    mallopt(M_TOP_PAD, KEEP_BYTES);
    mallopt(M_TRIM_THRESHOLD, 4 * KEEP_BYTES);
#endif
}

/* The same program in the same process. A signal handler may call it. Returns only if that failed. */
static void s_exec(void) {
    close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
    execv("/proc/self/exe", s_arguments);
}

/* With another part in its cluster. All sockets and files are closed. */
_Noreturn static void s_start_anew(void) {
    alarm(0);
    zr_service_watchdog_wait(START_ANEW_S);
    s_exec();
    zr_log(ZR_LOG_ERROR, "cannot start the program anew: %s", strerror(errno));
    _exit(EXIT_FAILURE);
}

/* libzmq took too long to close (server_destroy). The new program must not inherit a blocked SIGALRM. */
static void s_on_late(int signal) {
    sigset_t set;
    (void)signal;
    if (s_after_close == CLOSE_AND_START_ANEW) {
        sigemptyset(&set);
        sigaddset(&set, SIGALRM);
        sigprocmask(SIG_UNBLOCK, &set, NULL);
        s_exec();
    }
    _exit(s_after_close == CLOSE_AND_END ? EXIT_SUCCESS : EXIT_FAILURE);
}

/* For SIGHUP. What a broker of a cluster found when it started, it keeps. */
static bool s_configure_again(void *ctx, settings_t *settings, zr_error_t *error) {
    const run_t *run = ctx;
    if (!s_configure(settings, run->flags, error))
        return false;
    cluster_keep(run->chosen, settings);
    return true;
}

static bool s_serve(const settings_t *settings, const flags_t *flags, zr_error_t *error) {
    static settings_t chosen;
    run_t run = {flags, &chosen};
    const reload_source_t source = {s_configure_again, &run};
    uint64_t allowed;
    s_keep_memory();
    zr_service_block_signals();
    if (!zr_service_raise_descriptors(DESCRIPTORS_MIN, &allowed, error))
        return false;
    zr_service_seed();
    s_init_zsys(settings);
    s_seed_router();
    signal(SIGALRM, s_on_late);
    if (!cluster_choose(settings, &chosen, error))
        return false;
    server_t *server = server_new(&chosen, &source, error);
    if (!server) {
        alarm(0);
        if (chosen.follows || !cluster_was_taken(settings))
            return false;
        zr_log(ZR_LOG_INFO, "another broker was faster to lead");
        s_start_anew();
    }
    zr_service_print_banner(server_banner(server));
    s_tell_descriptors(settings, allowed);
    if (settings->insecure)
        zr_log(ZR_LOG_AUDIT, /* whatever the level */
            "INSECURE: --insecure lets other machines connect; nothing is encrypted and anybody who "
            "reaches the ports reads and writes everything%s",
            settings->users[0] ? " that the users file gives to anonymous" : "");
    int code = server_run(server);
    bool goes_on = server_goes_on(server);
    if (goes_on)
        zr_service_watchdog_wait(START_ANEW_S);
    s_after_close = goes_on ? CLOSE_AND_START_ANEW : code == EXIT_SUCCESS ? CLOSE_AND_END : CLOSE_AND_FAIL;
    server_destroy(server);
    zsys_shutdown();
    if (goes_on)
        s_start_anew();
    return code == EXIT_SUCCESS;
}

static bool s_backup(const settings_t *settings, const char *to, zr_error_t *error) {
    if (!settings->data[0])
        return zr_fail(error, "--backup needs the directory that is to be copied: --data DIR");
    if (!db_backup(settings->data, to, error))
        return false;
    printf("%s: a copy of the log in %s\n", to, settings->data);
    return true;
}

static bool s_restore(const settings_t *settings, const char *from, zr_error_t *error) {
    char replaced[64];
    if (!settings->data[0])
        return zr_fail(error, "--restore needs the directory that gets the log: --data DIR");
    if (!db_restore(settings->data, from, replaced, error))
        return false;
    printf("%s: the log of %s now; readers begin a new epoch\n", settings->data, from);
    if (replaced[0])
        printf("%s/%s: the log that was there; remove it when you do not need it\n", settings->data, replaced);
    return true;
}

static bool s_copy(const settings_t *settings, const char *from, zr_error_t *error) {
    if (!settings->store[0])
        return zr_fail(error, "--copy needs the database that gets the log: --store URI");
    if (!open_log_copy(settings, from, error))
        return false;
    printf("%s: the log of %s now; do not use the directory any more\n", settings->store, from);
    return true;
}

static bool s_keygen(const char *path, zr_error_t *error) {
    zr_pair_t pair;
    if (!zr_pair_make(&pair, path, error))
        return false;
    printf("%s: the public key, %s\n%s_secret: the secret key; keep it from everybody\n", path, pair.public_key, path);
    zr_pair_wipe(&pair);
    return true;
}

static bool s_hash_token(zr_error_t *error) {
    char hash[TOKEN_HASH_SIZE];
    return token_hash_from(STDIN_FILENO, hash, error) && puts(hash) >= 0;
}

/* Checks what only a start would find: sockets and the files that the settings name. */
static bool s_check_start(const settings_t *settings, zr_error_t *error) {
    zr_pair_t pair;
    bans_t bans = {0};
    bool there, ok = sockets_check(settings, error);
    ok &= open_log_check(settings, error);
    if (settings->server_key[0]) {
        ok &= zr_pair_load(&pair, settings->server_key, error) == ZR_FILE_READ;
        zr_pair_wipe(&pair);
    }
    if (settings->jwt_keys[0]) {
        jwt_keys_t *keys = jwt_keys_load(settings->jwt_keys, error);
        ok &= keys != NULL;
        jwt_keys_destroy(keys);
    }
    ok &= upstream_link_check(settings, error);
    if (!settings->users[0])
        return ok;
    users_t *users = users_load(settings->users, error);
    ok &= bans_load_first(&bans, settings->bans, &there, error) && users &&
          users_check_way(users, settings->users, settings->relay.tokens || settings->relay.jwt,
              settings_some_encrypted(settings), error);
    users_destroy(users);
    bans_finish(&bans);
    return ok;
}

static void s_show_difference(void *ctx, const char *name, const char *before, const char *after) {
    const char **title = ctx;
    zr_buffer_t line = {0};
    if (*title)
        puts(*title);
    *title = NULL;
    zr_escape(&line, zr_span(name));
    zr_buffer_append(&line, ": ", 2);
    zr_escape(&line, zr_span(after[0] ? after : "not set"));
    zr_buffer_append(&line, ", was ", 6);
    zr_escape(&line, zr_span(before[0] ? before : "not set"));
    printf("  %.*s\n", (int)line.len, (const char *)line.data);
    zr_buffer_finish(&line);
}

/* `title` stands above what differs; with `none` it stands there alone. */
static void s_show_differences(settings_t *before, settings_t *after, const char *title, bool none) {
    if (zr_settings_compare(&settings_table, before, after, s_show_difference, &title) == 0 && none)
        printf("%s\n  nothing\n", title);
}

/* Shows what differs from the broker that runs with this file or directory, and which of it takes a restart. Without one,
 * what differs from the defaults. */
static bool s_compare_settings(settings_t *settings, zr_error_t *error) {
    static settings_t before, live;
    settings_file_t found =
        settings->settings_file[0] ? settings_file_read(settings->settings_file, &before, error) : SETTINGS_FILE_IDLE;
    if (found == SETTINGS_FILE_REFUSED)
        return false;
    if (found == SETTINGS_FILE_IDLE) {
        settings_default(&before);
        settings_complete(&before, error);
        s_show_differences(&before, settings, "other than the defaults:", false);
        return true;
    }
    before.follows = before.cluster_advertise[0] && before.upstream.endpoint[0] && !settings->upstream.endpoint[0];
    cluster_keep(&before, settings); /* as SIGHUP does */
    live = before;
    settings_take_live(&live, settings);
    printf("%s is of a broker that runs\n", settings->settings_file);
    s_show_differences(&before, &live, "SIGHUP changes:", true);
    s_show_differences(&live, settings, "a restart changes:", true);
    return true;
}

/* Names what was checked, so that an operator that forgot --config notices. */
static bool s_check_config(settings_t *settings, const flags_t *flags, zr_error_t *error) {
    if (!s_check_start(settings, error))
        return false;
    bool options =
        zr_setting_options_given(s_sets, SETS) || flags->backup || flags->restore || flags->copy || flags->insecure;
    printf("%s%s%s", flags->config_file ? flags->config_file : "", flags->config_file && options ? ", " : "",
        options              ? "the options"
        : flags->config_file ? ""
                             : "the defaults");
    if (settings->users[0])
        printf(", the users in %s", settings->users);
    if (settings->jwt_keys[0])
        printf(", the keys of JWTs in %s", settings->jwt_keys);
    if (settings->server_key[0])
        printf(", the key in %s", settings->server_key);
    if (settings->data[0])
        printf(", the directory %s", settings->data);
    if (settings->store[0])
        printf(", the database %s", settings->store);
    if (settings->upstream.certificate[0])
        printf(", the key in %s", settings->upstream.certificate);
    puts(": ok");
    return s_compare_settings(settings, error);
}

static bool s_run(const flags_t *flags, zr_error_t *error) {
    static settings_t settings;
    if (flags->version)
        return printf("zrelayd " ZRELAY_VERSION "\n%s\n", open_log_engines()) >= 0;
    if (flags->help)
        return fputs(s_usage, stdout) >= 0;
    if (sodium_init() < 0)
        return zr_fail(error, "cannot start libsodium");
    if (flags->keygen)
        return s_keygen(flags->keygen, error);
    if (flags->hash_token)
        return s_hash_token(error);
    if (!s_configure(&settings, flags, error))
        return false;
    if (flags->check_config)
        return s_check_config(&settings, flags, error);
    if (flags->backup)
        return s_backup(&settings, flags->backup, error);
    if (flags->restore)
        return s_restore(&settings, flags->restore, error);
    if (flags->copy)
        return s_copy(&settings, flags->copy, error);
    return zr_service_begin_log(settings.log_level, settings.log_json, settings.log_file, error) &&
           s_serve(&settings, flags, error);
}

int main(int argc, char *argv[]) {
    s_arguments = argv;
    zr_service_fill_descriptors();
    zr_error_t error = {0};
    flags_t flags = {0};
    bool parsed = s_parse(argc - 1, argv + 1, &flags, &error), done = parsed && s_run(&flags, &error);
    zr_setting_options_finish(s_sets, SETS);
    if (!parsed)
        return zr_options_misused("zrelayd", &error);
    return done ? zr_options_shown("zrelayd") : zr_error_print(&error, "zrelayd");
}
