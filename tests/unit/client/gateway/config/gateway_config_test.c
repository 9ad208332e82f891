#include "gateway_config.h"

#include "fixture_dir.h"
#include "unit.h"

static gateway_config_t s_config;

static void s_begin(void) {
    dir_begin();
    gateway_config_default(&s_config);
}

/* The first line of the error; empty: it was taken. */
static const char *s_set(const char *section, const char *name, const char *value) {
    static zr_error_t error;
    const char *values[] = {value};
    const zr_setting_option_t option = {"x", section, name, {values, 1}};
    error = (zr_error_t){0};
    return zr_settings_apply(&gateway_config_table, &s_config, &option, 1, &error) ? "" : error.text;
}

#define TAKES(section, name, value) ck_assert_str_eq(s_set(section, name, value), "")
#define REFUSES(section, name, value, words)                                                                           \
    ck_assert_msg(strstr(s_set(section, name, value), words), "%s", s_set(section, name, value))

static const char *s_fault(void) {
    static zr_error_t error;
    error = (zr_error_t){0};
    return gateway_config_complete(&s_config, &error) ? "" : error.text;
}

TEST(test_defaults_fit_together) {
    ck_assert_str_eq(s_fault(), "");
    ck_assert(listen_address_is_local(&s_config.http));
}

TEST(test_bounds) {
    TAKES("limits", "max-body", "1");
    TAKES("limits", "max-body", "256M");
    ck_assert_uint_eq(s_config.max_body, 256 << 20);
    REFUSES("limits", "max-body", "0", "out of range");
    REFUSES("limits", "max-body", "257M", "out of range");
    REFUSES("limits", "max-body", "1x", "no number");
    TAKES("limits", "ping", "100");
    TAKES("limits", "ping", "1h");
    ck_assert_uint_eq(s_config.ping_ms, 3600000);
    REFUSES("limits", "ping", "99", "out of range");
    REFUSES("limits", "ping", "61m", "out of range");
    REFUSES("limits", "ping", "soon", "no time");
}

TEST(test_irc) {
    ck_assert_str_eq(s_config.irc.host, "");
    TAKES("irc", "listen", "127.0.0.1:6667");
    TAKES("irc", "history", "0");
    TAKES("irc", "history", "1000");
    REFUSES("irc", "history", "1001", "out of range");
    TAKES("irc", "rate", "1");
    TAKES("irc", "rate", "10000");
    REFUSES("irc", "rate", "0", "out of range");
    REFUSES("irc", "rate", "10001", "out of range");
    ck_assert_str_eq(s_fault(), "");
    TAKES("irc", "listen", "*:6667");
    ck_assert_ptr_nonnull(strstr(s_fault(), "IRC at *:6667"));
    s_config.insecure = true;
    ck_assert_str_eq(s_fault(), "");
    TAKES("irc", "tls-listen", "*:6697");
    ck_assert_ptr_nonnull(strstr(s_fault(), "--irc-tls needs --tls-cert"));
}

TEST(test_lines) {
    ck_assert_str_eq(s_config.lines.host, "");
    ck_assert_str_eq(s_config.lines_room, "lobby");
    TAKES("lines", "listen", "127.0.0.1:5581");
    TAKES("lines", "room", "m/a");
    REFUSES("lines", "room", "a\tb", "is no room");
    ck_assert_str_eq(s_config.lines_room, "m/a");
    TAKES("lines", "format", "body");
    ck_assert_int_eq(s_config.lines_format, LINES_FORMAT_BODY);
    TAKES("lines", "format", "nick");
    ck_assert_int_eq(s_config.lines_format, LINES_FORMAT_NICK);
    REFUSES("lines", "format", "json", "nick");
    TAKES("lines", "history", "0");
    TAKES("lines", "history", "1000");
    REFUSES("lines", "history", "1001", "out of range");
    TAKES("limits", "max-line", "512");
    TAKES("limits", "max-line", "64k");
    REFUSES("limits", "max-line", "511", "out of range");
    REFUSES("limits", "max-line", "65537", "out of range");
    TAKES("limits", "max-deliveries", "1000");
    TAKES("limits", "max-deliveries", "1000000000");
    REFUSES("limits", "max-deliveries", "999", "out of range");
    REFUSES("limits", "max-deliveries", "1000000001", "out of range");
    ck_assert_str_eq(s_fault(), "");
    TAKES("lines", "listen", "*:5581");
    ck_assert_ptr_nonnull(strstr(s_fault(), "lines at *:5581"));
    s_config.insecure = true;
    ck_assert_str_eq(s_fault(), "");
}

TEST(test_origins_are_written_as_browsers_send_them) {
    TAKES("http", "origin", "https://chat.example.org");
    TAKES("http", "origin", "http://127.0.0.1:8080");
    TAKES("http", "origin", "*");
    ck_assert_uint_eq(s_config.origin_count, 1); /* an option replaces the list */
    static const char *const no[] = {
        "chat.example.org", "https://", "https://x/", "https://X", "ftp://x", "https://a b", "null"};
    for (size_t i = 0; i < sizeof no / sizeof no[0]; i++)
        REFUSES("http", "origin", no[i], "no origin");
}

TEST(test_lists_are_bounded) {
    static const struct {
        const char *name, *value;
    } lists[] = {{"origin", "https://more.example"}, {"trusted-proxy", "192.0.2.1"}};
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        const char *values[GATEWAY_LIST_MAX + 1];
        zr_error_t error = {0};
        for (size_t j = 0; j <= GATEWAY_LIST_MAX; j++)
            values[j] = lists[i].value;
        zr_setting_option_t option = {lists[i].name, "http", lists[i].name, {values, GATEWAY_LIST_MAX}};
        ck_assert(zr_settings_apply(&gateway_config_table, &s_config, &option, 1, &error));
        option.values.count++;
        ck_assert(!zr_settings_apply(&gateway_config_table, &s_config, &option, 1, &error));
        dir_assert_error(&error, "more than 64");
    }
}

TEST(test_addresses_to_listen_on) {
    static const struct {
        const char *text, *host;
        unsigned port;
        bool local;
    } good[] = {{"127.0.0.1:5580", "127.0.0.1", 5580, true}, {"localhost:1", "127.0.0.1", 1, true},
        {"[::1]:65535", "::1", 65535, true}, {"*:80", "*", 80, false}, {"0.0.0.0:0", "0.0.0.0", 0, false},
        {"192.0.2.1:*", "192.0.2.1", 0, false}};
    static const char *const bad[] = {"", ":80", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:x", "::1:80",
        "[127.0.0.1]:80", "example.org:80", "[::1]", "[*]:80"};
    listen_address_t address;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        ck_assert_msg(!listen_address_parse(good[i].text, &address), "%s", good[i].text);
        ck_assert_str_eq(address.host, good[i].host);
        ck_assert_uint_eq(address.port, good[i].port);
        ck_assert_int_eq(listen_address_is_local(&address), good[i].local);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ck_assert_msg(listen_address_parse(bad[i], &address), "%s", bad[i]);
}

TEST(test_what_others_reach_is_encrypted) {
    TAKES("http", "listen", "*:5580");
    ck_assert(strstr(s_fault(), "can be reached from other machines"));
    s_config.insecure = true;
    ck_assert_str_eq(s_fault(), "");
    s_config.insecure = false;
    TAKES("http", "tls-cert", "a");
    ck_assert(strstr(s_fault(), "belong together"));
    TAKES("http", "tls-key", "b");
    ck_assert_str_eq(s_fault(), "");
    TAKES("broker", "server", "tcp://192.0.2.1:5570");
    ck_assert(strstr(s_fault(), "another machine"));
    TAKES("broker", "server-key", "H)CVZZ/]1Cbu4*gx2$kkmH+I?06P$ff?RFpZ4NBf");
    ck_assert(strstr(s_fault(), "belong together"));
    TAKES("broker", "certificate", "c");
    ck_assert_str_eq(s_fault(), "");
}

TEST(test_several_brokers) {
    TAKES("broker", "server", "tcp://127.0.0.1:1,tcp://127.0.0.1:2");
    ck_assert_str_eq(s_fault(), "");
    TAKES("broker", "server", "tcp://127.0.0.1:1,nonsense");
    ck_assert(strstr(s_fault(), "no endpoint"));
    TAKES("broker", "server", "tcp://127.0.0.1:1,tcp://192.0.2.1:2");
    ck_assert(strstr(s_fault(), "another machine"));
    TAKES("broker", "certificate", "c");
    TAKES("broker", "server-key", "H)CVZZ/]1Cbu4*gx2$kkmH+I?06P$ff?RFpZ4NBf,rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7");
    ck_assert_str_eq(s_fault(), "");
    TAKES("broker", "server", "tcp://127.0.0.1:1");
    ck_assert(strstr(s_fault(), "more keys than endpoints"));
}

TEST(test_other_pairs) {
    TAKES("broker", "user", "gateway");
    ck_assert(strstr(s_fault(), "belong together"));
    TAKES("broker", "token-file", "t");
    ck_assert_str_eq(s_fault(), "");
    TAKES("broker", "certificate", "c");
    TAKES("broker", "server-key", "H)CVZZ/]1Cbu4*gx2$kkmH+I?06P$ff?RFpZ4NBf");
    ck_assert(strstr(s_fault(), "names the user already"));
    gateway_config_default(&s_config);
    TAKES("limits", "reader-queue", "9M");
    ck_assert(strstr(s_fault(), "reader-queue"));
    TAKES("limits", "reader-queue", "1M");
    TAKES("limits", "answer-queue", "64M"); /* a quarter of all-queues */
    ck_assert_ptr_null(strstr(s_fault(), "all-queues"));
    TAKES("limits", "all-queues", "255M");
    ck_assert(strstr(s_fault(), "all-queues"));
}

TEST(test_a_file) {
    const char *path = dir_write("gateway.conf",
        "http\n    listen = 127.0.0.1:0\n    tls-cert = cert.pem\n    tls-key = /k\n    origin = https://a\n"
        "    origin = https://b\nlimits\n    max-rooms = 7\n",
        0600);
    zr_error_t error = {0};
    ck_assert_msg(zr_settings_read(&gateway_config_table, &s_config, path, &error), "%s", error.text);
    ck_assert_uint_eq(s_config.http.port, 0);
    ck_assert_uint_eq(s_config.origin_count, 2);
    ck_assert_uint_eq(s_config.max_rooms, 7);
    ck_assert_ptr_nonnull(strstr(s_config.tls_cert, "/cert.pem")); /* beside the file */
    ck_assert_str_eq(s_config.tls_key, "/k");
}

TEST(test_faults_of_a_file_have_their_lines) {
    const char *path = dir_write(
        "gateway.conf", "http\n    listen = x\n    listen = y\n    nothing = 1\n    page\nweb\nbroker = x\n", 0600);
    zr_error_t error = {0};
    ck_assert(!zr_settings_read(&gateway_config_table, &s_config, path, &error));
    ck_assert_uint_ge(error.count, 5);
    ck_assert_ptr_nonnull(strstr(error.text, "2"));
}

UNIT_SUITE_WITH("client.gateway.config", s_begin, dir_end)
