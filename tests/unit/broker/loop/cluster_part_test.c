#include "cluster_part.h"

#include <stdio.h>

#include "unit.h"

#define KEY_1 "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"
#define KEY_2 "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID"
#define OWN "tcp://own:5570"
#define OTHER "tcp://other:5570"
#define LOCAL "tcp://127.0.0.1:5570"

static settings_t s_settings;
static pg_view_t s_view;
static zr_server_t s_following;

static void s_set_up(void) {
    s_settings = (settings_t){.cluster_advertise = OWN};
    s_view = (pg_view_t){.leader = {.name = "host pid 1", .endpoint = OTHER}, .behind = -1};
    s_following = (zr_server_t){.endpoint = OTHER};
}

/* --- Following --- */

static const char *s_refusal(const char *endpoint, const char *key) {
    static zr_error_t error;
    pg_member_t leader = {.name = "host pid 1"};
    error = (zr_error_t){0};
    strcpy(leader.endpoint, endpoint);
    strcpy(leader.key, key);
    return cluster_may_follow(&s_settings, &leader, &error) ? "" : error.text;
}

#define REFUSED(endpoint, key, part)                                                                                   \
    ck_assert_msg(strstr(s_refusal(endpoint, key), part), "'%s'", s_refusal(endpoint, key))
#define FOLLOWED(endpoint, key) ck_assert_str_eq(s_refusal(endpoint, key), "")

TEST(test_a_leader_needs_an_endpoint_and_a_whole_key) {
    s_set_up();
    strcpy(s_settings.upstream.certificate, "/c");
    FOLLOWED(OTHER, "");
    FOLLOWED(OTHER, KEY_1);
    REFUSED("", "", "(host pid 1)");
    REFUSED(OTHER "," LOCAL, "", "no endpoint");
    REFUSED(OTHER, "short", "no endpoint");
}

TEST(test_an_encrypted_leader_needs_a_certificate_here) {
    s_set_up();
    REFUSED(OTHER, KEY_1, "upstream/certificate");
    strcpy(s_settings.upstream.certificate, "/c");
    FOLLOWED(OTHER, KEY_1);
}

TEST(test_nothing_secret_goes_to_a_leader_in_the_clear) {
    s_set_up();
    strcpy(s_settings.server_key, "/k");
    REFUSED(OTHER, "", "a server key");
    FOLLOWED(LOCAL, "");
    s_settings.insecure = true;
    FOLLOWED(OTHER, "");
    s_set_up();
    strcpy(s_settings.upstream.user, "leaf");
    REFUSED(OTHER, "", "upstream/token-file");
}

static int s_step(void) {
    return (int)cluster_step(&s_settings, &s_following, &s_view);
}

TEST(test_the_same_leader_changes_nothing) {
    s_set_up();
    ck_assert_int_eq(s_step(), CLUSTER_STAY);
    s_view.leader.endpoint[0] = '\0'; /* it advertises none */
    ck_assert_int_eq(s_step(), CLUSTER_STAY);
    strcpy(s_view.leader.endpoint, OWN); /* the lease of this broker's last run */
    ck_assert_int_eq(s_step(), CLUSTER_STAY);
}

TEST(test_it_leads_once_the_lease_is_its_own) {
    s_set_up();
    s_view.own = true;
    ck_assert_int_eq(s_step(), CLUSTER_LEAD);
}

TEST(test_another_leader_is_followed) {
    s_set_up();
    strcpy(s_view.leader.endpoint, LOCAL);
    ck_assert_int_eq(s_step(), CLUSTER_FOLLOW);
    strcpy(s_settings.upstream.certificate, "/c");
    strcpy(s_following.key, KEY_1);
    strcpy(s_view.leader.key, KEY_2);
    ck_assert_int_eq(s_step(), CLUSTER_FOLLOW);
}

TEST(test_a_leader_of_another_kind_is_followed_after_a_start) {
    s_set_up();
    strcpy(s_settings.upstream.certificate, "/c");
    strcpy(s_view.leader.key, KEY_1);
    ck_assert_int_eq(s_step(), CLUSTER_START_ANEW);
    strcpy(s_following.key, KEY_1);
    ck_assert_int_eq(s_step(), CLUSTER_STAY);
    s_view.leader.key[0] = '\0';
    ck_assert_int_eq(s_step(), CLUSTER_START_ANEW);
}

TEST(test_a_leader_that_must_not_be_followed_is_looked_at_again) {
    s_set_up();
    strcpy(s_view.leader.endpoint, "tcp://third:5570");
    ck_assert_int_eq(s_step(), CLUSTER_FOLLOW);
    strcpy(s_settings.upstream.user, "leaf");
    ck_assert_int_eq(s_step(), CLUSTER_START_ANEW);
}

/* --- Telling --- */

static void s_add(const char *endpoint, const char *key, uint64_t seen_ms) {
    pg_member_t *member = &s_view.items[s_view.count++];
    *member = (pg_member_t){.name = "n", .seen_ms = seen_ms};
    strcpy(member->endpoint, endpoint);
    strcpy(member->key, key);
}

static const char *s_peers(void) {
    static char out[ZR_SERVERS_TEXT_MAX + 1];
    cluster_peers(&s_settings, &s_view, out);
    return out;
}

TEST(test_clients_learn_the_others_that_were_there_lately) {
    s_set_up();
    ck_assert_str_eq(s_peers(), "");
    s_add(OWN, "", 0);
    s_add("tcp://a:1", "", PG_GONE_MS - 1);
    s_add("tcp://b:1", "", PG_GONE_MS);
    s_add("tcp://c:1", KEY_1, 0);
    s_add("", "", 0);
    s_add("tcp://d:1", "", 0);
    ck_assert_str_eq(s_peers(), "tcp://a:1,tcp://d:1");
    strcpy(s_settings.cluster_key, KEY_1);
    ck_assert_str_eq(s_peers(), "tcp://c:1");
}

TEST(test_peers_of_the_settings_come_first_and_once) {
    s_set_up();
    strcpy(s_settings.peers, "tcp://d:12,tcp://a:1");
    s_add("tcp://a:1", "", 0);
    s_add("tcp://d:1", "", 0); /* the beginning of another */
    s_add(":1", "", 0);        /* and the end of one */
    ck_assert_str_eq(s_peers(), "tcp://d:12,tcp://a:1,tcp://d:1,:1");
}

TEST(test_peers_that_do_not_fit_are_left_out) {
    s_set_up();
    memset(s_settings.peers, 'x', ZR_SERVERS_TEXT_MAX - 4);
    s_add("abcd", "", 0);
    s_add("abc", "", 0);
    ck_assert_uint_eq(strlen(s_peers()), ZR_SERVERS_TEXT_MAX);
    ck_assert_ptr_nonnull(strstr(s_peers(), "x,abc"));
}

static const char *s_part(uint64_t age) {
    static char part[20];
    json_t *report = cluster_report(&s_view, age);
    snprintf(part, sizeof part, "%s",
        json_string_value(json_object_get(json_array_get(json_object_get(report, "cluster"), 0), "part")));
    json_decref(report);
    return part;
}

TEST(test_parts_of_brokers) {
    s_set_up();
    s_add(OTHER, "", 0);
    ck_assert_str_eq(s_part(0), "leads");
    ck_assert_str_eq(s_part(PG_AWAY_MS), "leads");
    ck_assert_str_eq(s_part(PG_AWAY_MS + 1), "away"); /* of an old view nobody leads */
    s_view.free = true;
    ck_assert_str_eq(s_part(0), "follows");
    s_view.items[0].seen_ms = PG_AWAY_MS + 1;
    ck_assert_str_eq(s_part(0), "away");
}

TEST(test_a_report) {
    s_set_up();
    s_view.term = 3;
    s_view.since = 5;
    s_view.standbys = 2;
    json_t *report = cluster_report(&s_view, 0);
    char *text = json_dumps(report, JSON_COMPACT);
    ck_assert_str_eq(text, "{\"cluster\":[],\"term\":3,\"since\":5,\"standbys\":2}");
    free(text);
    json_decref(report);
    s_view.behind = 0;
    report = cluster_report(&s_view, 0);
    ck_assert_int_eq(json_is_integer(json_object_get(report, "behind")), 1);
    json_decref(report);
}

UNIT_SUITE("broker.loop.cluster_part")
