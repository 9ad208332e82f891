/* The operator's settings: defaults, then the configuration file, then the command line. Checks them. */
#ifndef SETTINGS_H
#define SETTINGS_H

#include "endpoints.h"
#include "errors.h"
#include "key_file.h"
#include "log.h"
#include "logger.h"
#include "relay.h"
#include "servers.h"
#include "setting.h"

enum {
    SETTINGS_ENDPOINTS_MAX = 16, /* listeners; backs likewise */
    SETTINGS_POLICIES_MAX = 256, /* "room" sections */
    SETTINGS_TEXT_MAX = 1000,    /* bytes of the greeting, or of a path */
    SETTINGS_GROUP_MAX = 63      /* bytes of a group's name */
};

#define SETTINGS_BANS_SUFFIX ".bans" /* of the users file's name, for that of the bans */

typedef struct {
    endpoint_t items[SETTINGS_ENDPOINTS_MAX];
    size_t count;
} settings_endpoints_t;

/* The broker that a leaf carries its clients to. */
typedef struct {
    char endpoint[ZR_SERVERS_TEXT_MAX + 1];  /* its front, or several, "A,B,C"; empty: this broker is no leaf */
    char server_key[ZR_SERVER_KEYS_MAX + 1]; /* its public key, in Z85, or one for each; empty: nothing is encrypted */
    char certificate[SETTINGS_TEXT_MAX + 1]; /* the file of the leaf's own pair of keys; with server_key */
    char user[ZR_NICK_MAX + 1];              /* empty: the leaf does not log in */
    char token_file[SETTINGS_TEXT_MAX + 1];  /* with user */
} upstream_settings_t;

typedef struct {
    settings_endpoints_t listen;            /* at least one after settings_complete, which says which are encrypted */
    settings_endpoints_t back;              /* as many as there are listeners, in their order, when `paired` */
    bool paired;                            /* the backs were derived from the listeners */
    char advertise[ENDPOINT_TEXT_SIZE];     /* the back to name in welcome, whatever is bound; empty: as bound */
    char greeting[SETTINGS_TEXT_MAX + 1];   /* empty: none */
    char data[SETTINGS_TEXT_MAX + 1];       /* directory of the log; empty: see `store` */
    char store[SETTINGS_TEXT_MAX + 1];      /* the log's database, postgresql://…; empty, as `data`: in memory */
    unsigned ipc_mode;                      /* of ipc sockets: the permissions; after settings_complete never 0 */
    char ipc_group[SETTINGS_GROUP_MAX + 1]; /* the group that they belong to; empty: the broker's */
    bool insecure;                          /* listen beyond this machine without encryption */
    char users[SETTINGS_TEXT_MAX + 1];      /* the users file; empty: everybody may do everything */
    char bans[SETTINGS_TEXT_MAX + sizeof SETTINGS_BANS_SUFFIX];
    char server_key[SETTINGS_TEXT_MAX + 1];   /* the secret certificate's file; empty: nothing is encrypted */
    bool encrypt_all;                         /* local listeners too */
    char jwt_keys[SETTINGS_TEXT_MAX + 1];     /* the file of keys that sign logins; empty: no JWT is taken */
    char jwt_issuer[SETTINGS_TEXT_MAX + 1];   /* empty: any */
    char jwt_audience[SETTINGS_TEXT_MAX + 1]; /* empty: none */
    uint64_t jwt_leeway_ms;
    upstream_settings_t upstream;
    char peers[ZR_SERVERS_TEXT_MAX + 1]; /* "A,B": fronts of other brokers, for welcome; empty: none */
    char cluster_key[ZR_CURVE_LEN + 1];  /* the public key there, which others need; no setting: cluster.h finds it */
    bool follows;                        /* likewise: another broker leads the log of `store`, this one is its leaf */
    char cluster_advertise[ZR_SERVER_MAX + 1]; /* this broker's front, for the others at `store`; empty: it is alone */
    size_t max_address_connections;
    uint64_t rate_handshakes;    /* a second and address; 0: no limit */
    uint64_t rate_subscriptions; /* a second and connection of the back; 0: no limit */
    uint64_t login_timeout_ms;   /* from being accepted to the hello, or the first subscription */
    uint64_t max_user_topics;    /* bytes of topics of the readers of one user or address */
    uint64_t max_topics;         /* bytes of topics of all readers */
    zr_log_level_t log_level;
    bool log_json;
    char log_file[SETTINGS_TEXT_MAX + 1]; /* empty: stderr */
    uint64_t io_threads;
    uint64_t tick_ms;
    uint64_t route_queue;
    uint64_t route_bytes, all_route_bytes; /* queued for a DEALER; for all of them */
    uint64_t all_reader_bytes;             /* queued for all SUBs */
    uint64_t reader_queue;
    relay_config_t relay;    /* limits, heartbeat and policies; the rest is the server's to fill in */
    log_memory_limits_t log; /* with `data` or `store`: of rooms of level memory */
    bool refuse_corrupt;     /* do not start with a log that cannot be read; else it is put aside */
    uint64_t queue_bytes;    /* that may wait to be stored */
    uint64_t mark_age_ms;    /* how long a client id is remembered on disk */
    policy_t policies[SETTINGS_POLICIES_MAX];
    size_t policy_count;
} settings_t;

void settings_default(settings_t *settings);

/* Its rows set a settings_t. */
extern const zr_setting_table_t settings_table;

/* Call after file and options. Fills in the default listener, the derived backs, which endpoints are encrypted, the bans'
 * file and the relay's policies (which point into `settings`). Then checks that the settings fit together. false: `error`
 * has a line for each fault. */
bool settings_complete(settings_t *settings, zr_error_t *error);

/* The log outlives the process: it is on disk or in a database. */
static inline bool settings_durable(const settings_t *settings) {
    return settings->data[0] || (settings->store[0] && !settings->follows);
}

/* Some endpoint, a listener or a back, is not encrypted. */
bool settings_some_plain(const settings_t *settings);

/* Some listener is encrypted: clients come in with keys. */
bool settings_some_encrypted(const settings_t *settings);

#endif
