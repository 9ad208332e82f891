/* zrelayd: the command line, and what the process needs before the first socket exists. */
#include <czmq.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "bans.h"
#include "key_file.h"
#include "db.h"
#include "hash.h"
#include "names.h"
#include "server.h"
#include "token.h"
#include "users.h"

enum { NOFILE_MAX = 1 << 20, DESCRIPTORS_PER_CLIENT = 2 };

static const char s_usage[] =
    "usage: zrelayd [OPTION]...\n"
    "A ZeroMQ pub/sub message relay.\n"
    "\n"
    "  --listen ENDPOINT    where clients connect (default tcp://127.0.0.1:5570); may be repeated.\n"
    "                       tcp://ADDRESS:PORT, port * for a free one, or ipc://PATH\n"
    "  --back ENDPOINT      where clients read (default: the port after each listener's, or its path\n"
    "                       with -back); may be repeated\n"
    "  --config FILE        settings in ZPL; the command line comes first\n"
    "  --check-config       check FILE and the other options, and the users and keys they name, and leave\n"
    "  --data DIR           keep messages on disk, in DIR (default: in memory only)\n"
    "  --backup FILE        copy the log of --data into FILE, which must not exist, and leave; a broker\n"
    "                       may be using it. To use the copy, name it zrelay.db in a directory of its\n"
    "                       own and give that as --data\n"
    "  --users FILE         the users that may connect, their keys and rights (default: everybody\n"
    "                       may do everything)\n"
    "  --server-key FILE    encrypt what other machines can reach; FILE is the secret one of --keygen\n"
    "  --keygen FILE        make a pair of keys, in FILE and FILE_secret, and leave\n"
    "  --hash-token         read a token from stdin, print its hash for the users file, and leave\n"
    "  --insecure           let other machines connect, without encryption\n"
    "  --log-level LEVEL    error, warn, info (default) or debug; lines go to stderr\n"
    "  --version            print the version and leave\n"
    "  --help               print this and leave\n"
    "\n"
    "On start it prints one line with its endpoints. SIGTERM and SIGINT stop it; a second one at once.\n"
    "SIGHUP makes it read the users file again.\n";

typedef struct {
    settings_flags_t endpoints;
    const char *config_file, *data, *backup, *users, *server_key, *keygen, *log_level;
    bool check_config, hash_token, insecure;
} flags_t;

static int s_fail(const zr_error_t *error) {
    return zr_error_print(error, "zrelayd");
}

/* --- The command line --- */

enum {
    OPT_LISTEN = 256,
    OPT_BACK,
    OPT_DATA,
    OPT_BACKUP,
    OPT_CONFIG,
    OPT_CHECK,
    OPT_USERS,
    OPT_SERVER_KEY,
    OPT_KEYGEN,
    OPT_HASH_TOKEN,
    OPT_INSECURE,
    OPT_LEVEL,
    OPT_VERSION,
    OPT_HELP
};

static const struct option s_options[] = {
    {"listen", required_argument, NULL, OPT_LISTEN},
    {"back", required_argument, NULL, OPT_BACK},
    {"data", required_argument, NULL, OPT_DATA},
    {"backup", required_argument, NULL, OPT_BACKUP},
    {"config", required_argument, NULL, OPT_CONFIG},
    {"check-config", no_argument, NULL, OPT_CHECK},
    {"users", required_argument, NULL, OPT_USERS},
    {"server-key", required_argument, NULL, OPT_SERVER_KEY},
    {"keygen", required_argument, NULL, OPT_KEYGEN},
    {"hash-token", no_argument, NULL, OPT_HASH_TOKEN},
    {"insecure", no_argument, NULL, OPT_INSECURE},
    {"log-level", required_argument, NULL, OPT_LEVEL},
    {"version", no_argument, NULL, OPT_VERSION},
    {"help", no_argument, NULL, OPT_HELP},
    {NULL, 0, NULL, 0},
};

typedef enum { PARSED, DONE, WRONG } parsed_t;

/* Says in our words the fault that getopt found. */
static parsed_t s_bad_option(int found, char *argv[], zr_error_t *error) {
    const char *text = argv[optind - 1];
    if (found == ':')
        zr_fail(error, "%.80s needs a value; see --help", text);
    else
        zr_fail(error, "unknown option %.80s; see --help", text);
    return WRONG;
}

static parsed_t s_parse(int argc, char *argv[], flags_t *flags, zr_error_t *error) {
    int found;
    opterr = 0;
    while ((found = getopt_long(argc, argv, ":", s_options, NULL)) != -1) {
        switch (found) {
        case OPT_LISTEN:
            if (!settings_add_flag(&flags->endpoints.listen, "--listen", optarg, error))
                return WRONG;
            break;
        case OPT_BACK:
            if (!settings_add_flag(&flags->endpoints.back, "--back", optarg, error))
                return WRONG;
            break;
        case OPT_DATA:
            flags->data = optarg;
            break;
        case OPT_BACKUP:
            flags->backup = optarg;
            break;
        case OPT_CONFIG:
            flags->config_file = optarg;
            break;
        case OPT_CHECK:
            flags->check_config = true;
            break;
        case OPT_USERS:
            flags->users = optarg;
            break;
        case OPT_SERVER_KEY:
            flags->server_key = optarg;
            break;
        case OPT_KEYGEN:
            flags->keygen = optarg;
            break;
        case OPT_HASH_TOKEN:
            flags->hash_token = true;
            break;
        case OPT_INSECURE:
            flags->insecure = true;
            break;
        case OPT_LEVEL:
            flags->log_level = optarg;
            break;
        case OPT_VERSION:
            puts("zrelayd " ZRELAY_VERSION);
            return DONE;
        case OPT_HELP:
            fputs(s_usage, stdout);
            return DONE;
        default:
            return s_bad_option(found, argv, error);
        }
    }
    if (optind == argc)
        return PARSED;
    zr_fail(error, "there is nothing to do with \"%.80s\"; see --help", argv[optind]);
    return WRONG;
}

static bool s_configure(settings_t *settings, const flags_t *flags, zr_error_t *error) {
    settings_default(settings);
    if (flags->config_file && !settings_read_file(settings, flags->config_file, error))
        return false;
    if ((flags->data && !settings_set_path(settings->data, "--data", flags->data, error)) ||
        (flags->users && !settings_set_path(settings->users, "--users", flags->users, error)) ||
        (flags->server_key && !settings_set_path(settings->server_key, "--server-key", flags->server_key, error)))
        return false;
    if (flags->log_level && !zr_log_level_from_name(flags->log_level, &settings->log_level))
        return zr_fail(error, "--log-level: \"%.40s\" is none of error, warn, info, debug", flags->log_level);
    settings->insecure |= flags->insecure;
    return settings_complete(settings, &flags->endpoints, error);
}

/* --- The process --- */

/* With 0, 1 or 2 closed, a socket would get the number, and lines meant for people would go to a peer. */
static void s_fill_standard_descriptors(void) {
    int fd;
    do
        fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        close(fd);
}

static void s_raise_descriptors(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max < NOFILE_MAX ? limit.rlim_max : NOFILE_MAX;
    setrlimit(RLIMIT_NOFILE, &limit);
}

/* A client takes two descriptors. Clients that come when hardly any are left are turned away (addresses.h). */
static void s_check_descriptors(const settings_t *settings) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    rlim_t needed = (rlim_t)settings->relay.max_sessions * DESCRIPTORS_PER_CLIENT;
    zr_log(ZR_LOG_INFO, "%llu file descriptors are allowed: at most %llu clients", (unsigned long long)limit.rlim_cur,
        (unsigned long long)limit.rlim_cur / DESCRIPTORS_PER_CLIENT);
    if (limit.rlim_cur < needed)
        zr_log(ZR_LOG_WARN,
            "%llu file descriptors are allowed, %zu sessions (limits/max-sessions) need %llu: raise the "
            "limit "
            "(ulimit -n, LimitNOFILE=) or lower the other",
            (unsigned long long)limit.rlim_cur, settings->relay.max_sessions, (unsigned long long)needed);
}

/* The signals go to a signalfd: an interrupted poll would end zloop. Before any thread exists, since threads inherit
 * the mask. */
static void s_block_signals(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
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
static void s_seed(void) {
    uint8_t key[16];
    unsigned seed;
    randombytes_buf(key, sizeof key);
    randombytes_buf(&seed, sizeof seed);
    zr_hash_seed(key);
    srand(seed);
}

static int s_serve(const settings_t *settings) {
    s_block_signals();
    s_raise_descriptors();
    s_init_zsys(settings);
    s_seed();
    zr_error_t error = {0};
    server_t *server = server_new(settings, &error);
    if (!server)
        return s_fail(&error);
    char *banner = server_banner(server);
    puts(banner);
    fflush(stdout);
    free(banner);
    s_check_descriptors(settings);
    if (settings->insecure)
        zr_log(ZR_LOG_AUDIT, /* whatever the level */
            "INSECURE: --insecure lets other machines connect; nothing is encrypted and anybody who "
            "reaches the ports reads and writes everything%s",
            settings->users[0] ? " that the users file gives to anonymous" : "");
    int code = server_run(server);
    server_destroy(server);
    zsys_shutdown();
    return code;
}

static int s_backup(const settings_t *settings, const char *to) {
    zr_error_t error = {0};
    db_error_t why;
    if (!settings->data[0])
        zr_fail(&error, "--backup needs the directory that is to be copied: --data DIR");
    else if (!db_backup(settings->data, to, why))
        zr_fail(&error, "%s", why);
    if (error.count > 0)
        return s_fail(&error);
    printf("%s: a copy of the log in %s\n", to, settings->data);
    return EXIT_SUCCESS;
}

static int s_keygen(const char *path) {
    zr_error_t error = {0};
    zr_pair_t pair;
    if (!zr_pair_make(&pair, path, &error))
        return s_fail(&error);
    printf("%s: the public key, %s\n%s_secret: the secret key; keep it from everybody\n", path, pair.public_key, path);
    zr_pair_wipe(&pair);
    return EXIT_SUCCESS;
}

static int s_hash_token(void) {
    zr_error_t error = {0};
    char hash[TOKEN_HASH_SIZE];
    if (!token_hash_from(STDIN_FILENO, hash, &error))
        return s_fail(&error);
    puts(hash);
    return EXIT_SUCCESS;
}

/* Checks the files that the settings name and that are only read at the start. */
static bool s_check_files(const settings_t *settings, zr_error_t *error) {
    zr_pair_t pair;
    bans_t bans = {0};
    if (settings->server_key[0]) {
        if (zr_pair_load(&pair, settings->server_key, error) != ZR_FILE_READ)
            return false;
        zr_pair_wipe(&pair);
    }
    if (!settings->users[0])
        return true;
    users_t *users = users_load(settings->users, error);
    bool there;
    bool ok = users && bans_load_first(&bans, settings->bans, &there, error) &&
              users_check_way(users, settings->users, settings->relay.tokens, settings_some_encrypted(settings), error);
    users_destroy(users);
    bans_finish(&bans);
    return ok;
}

/* Names what was checked, so that an operator that forgot --config notices. */
static int s_check_config(const settings_t *settings, const flags_t *flags) {
    zr_error_t error = {0};
    if (!s_check_files(settings, &error))
        return s_fail(&error);
    bool options = flags->endpoints.listen.count || flags->endpoints.back.count || flags->data || flags->backup ||
                   flags->users || flags->server_key || flags->insecure || flags->log_level;
    printf("%s%s%s", flags->config_file ? flags->config_file : "", flags->config_file && options ? ", " : "",
        options              ? "the options"
        : flags->config_file ? ""
                             : "the defaults");
    if (settings->users[0])
        printf(", the users in %s", settings->users);
    if (settings->server_key[0])
        printf(", the key in %s", settings->server_key);
    puts(": ok");
    return EXIT_SUCCESS;
}

int main(int argc, char *argv[]) {
    s_fill_standard_descriptors();
    zr_error_t error = {0};
    flags_t flags = {0};
    switch (s_parse(argc, argv, &flags, &error)) {
    case DONE:
        return EXIT_SUCCESS;
    case WRONG:
        return s_fail(&error);
    case PARSED:
        break;
    }
    if (sodium_init() < 0) {
        zr_fail(&error, "cannot start libsodium");
        return s_fail(&error);
    }
    if (flags.keygen)
        return s_keygen(flags.keygen);
    if (flags.hash_token)
        return s_hash_token();
    static settings_t settings;
    if (!s_configure(&settings, &flags, &error))
        return s_fail(&error);
    if (flags.check_config)
        return s_check_config(&settings, &flags);
    if (flags.backup)
        return s_backup(&settings, flags.backup);
    zr_log_set_level(settings.log_level);
    return s_serve(&settings);
}
