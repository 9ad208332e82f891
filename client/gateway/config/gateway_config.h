/* The gateway's settings: the configuration file in ZPL, with the command line above it. */
#ifndef GATEWAY_CONFIG_H
#define GATEWAY_CONFIG_H

#include "servers.h"
#include "errors.h"
#include "logger.h"
#include "names.h"
#include "netblock.h"
#include "setting.h"

enum { GATEWAY_TEXT = 512, GATEWAY_LIST_MAX = 64, GATEWAY_HOST = 64 };

/* The address where the gateway listens. */
typedef struct {
    char host[GATEWAY_HOST]; /* a number, or * for all of IPv6 and IPv4 */
    unsigned port;           /* 0: a free one */
} listen_address_t;

typedef enum {
    LINES_FORMAT_NICK, /* "nick: text" */
    LINES_FORMAT_BODY, /* the text alone */
} lines_format_t;

/* Each of these has a line in etc/zrelay-gateway.conf, which explains it. Sizes are bytes, times milliseconds. */
typedef struct {
    /* broker */
    char server[ZR_SERVERS_TEXT_MAX + 1];    /* or several, "A,B,C" */
    char server_key[ZR_SERVER_KEYS_MAX + 1]; /* in Z85, or one for each server; empty: nothing is encrypted */
    char certificate[GATEWAY_TEXT + 1];
    char user[GATEWAY_TEXT + 1];
    char token_file[GATEWAY_TEXT + 1];

    /* http */
    listen_address_t http;
    char tls_cert[GATEWAY_TEXT + 1], tls_key[GATEWAY_TEXT + 1];
    netblock_t proxies[GATEWAY_LIST_MAX];
    size_t proxy_count;
    char origins[GATEWAY_LIST_MAX][GATEWAY_TEXT + 1];
    size_t origin_count;
    char page[GATEWAY_TEXT + 1];
    bool insecure;
    zr_log_level_t log_level;
    bool log_json;
    char log_file[GATEWAY_TEXT + 1]; /* empty: stderr */

    /* lines */
    listen_address_t lines; /* its host is empty: nothing listens */
    char lines_room[ZR_ROOM_MAX + 1];
    lines_format_t lines_format;
    uint64_t lines_history;

    /* irc */
    listen_address_t irc, irc_tls; /* the host is empty: nothing listens */
    uint64_t irc_history;          /* messages that a client without draft/chathistory gets when it joins */
    uint64_t irc_rate;             /* lines that a client may send in a second */

    /* limits */
    uint64_t max_connections, max_address_connections;
    uint64_t max_header, max_body, max_message, max_line, max_deliveries;
    uint64_t request_timeout_ms, ping_ms;
    uint64_t reader_queue, answer_queue, all_queues;
    uint64_t max_rooms, max_topics, max_topic_bytes;
} gateway_config_t;

void gateway_config_default(gateway_config_t *config);

/* Whether the folder of the page is the one that nobody named. It may be missing: the page may be not installed. */
bool gateway_config_page_is_default(const gateway_config_t *config);

/* Its rows set a gateway_config_t. */
extern const zr_setting_table_t gateway_config_table;

/* Call after file and options: checks that the settings fit together. False: `error` has a line for each fault. */
bool gateway_config_complete(const gateway_config_t *config, zr_error_t *error);

/* "ADDRESS:PORT"; the address is a number, in brackets if it is IPv6, `localhost` or *. NULL, or the fault. */
const char *listen_address_parse(const char *text, listen_address_t *out);

/* Whether only this machine can connect there. */
bool listen_address_is_local(const listen_address_t *address);

#endif
