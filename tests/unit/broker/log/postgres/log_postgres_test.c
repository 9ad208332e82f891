/* What only PostgreSQL does: commits that are doubtful, connections that are lost, other brokers. */
#include "clock.h"
#include "fixture_cluster.h"
#include "fixture_contract_rig.h"
#include "pg_lease.h"
#include "pg_members.h"

#include <poll.h>
#include <stdio.h>

static const char *s_front = ""; /* of the broker, for the others */

static log_postgres_config_t s_config(void) {
    static policy_t policy = {.pattern = "*"};
    return (log_postgres_config_t){.uri = cluster_uri(),
        .durable = {.memory = {1000, 1 << 20, 10000, 1 << 24},
            .policies = {&policy, 1},
            .mark_age = 1000000000,
            .max_marks = 1000,
            .queue_bytes = CONTRACT_QUEUE},
        .fresh_epoch = CONTRACT_EPOCH,
        .endpoint = s_front,
        .key = ""};
}

static log_t *s_open(uint64_t keep) {
    (void)keep;
    log_postgres_config_t config = s_config();
    zr_error_t error = {0};
    log_t *log = log_postgres_new(&config, &error);
    ck_assert_msg(log, "%s", error.text);
    return log;
}

static const contract_t s_engine = {.level = ZR_LEVEL_DISK,
    .keeps = true,
    .open = s_open,
    .hold = cluster_close,
    .await_held = cluster_await_held,
    .release = cluster_open};

static void s_begin(void) {
    ct_engine = &s_engine;
    ct_begin();
}

static void s_is_stored_once(const char *batches) {
    ck_assert_str_eq(cluster_sql("SELECT count(*) || ' ' || max(last) FROM zrelay.frames"), batches);
}

static void s_end_connections(void) {
    cluster_sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'zrelayd'");
}

TEST(test_a_warning_at_the_commit_is_looked_into) {
    s_begin();
    cluster_sql(
        "CREATE FUNCTION zrelay.warn() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE WARNING 'perhaps';"
        " RETURN NULL; END $$; CREATE CONSTRAINT TRIGGER warn AFTER INSERT ON zrelay.frames DEFERRABLE INITIALLY"
        " DEFERRED FOR EACH ROW EXECUTE FUNCTION zrelay.warn()");
    ck_assert_str_eq(cluster_sql("SELECT term FROM zrelay.lease"), "1");
    ct_append('a', 2);
    ct_commit(1);
    ct_expect("1 ");
    ck_assert_str_eq(
        cluster_sql("SELECT term FROM zrelay.lease"), "2"); /* it asked over a connection of another term */
    s_is_stored_once("1 2");
    ct_finish();
}

TEST(test_a_connection_is_lost_before_the_commit) {
    s_begin();
    ct_append('a', 1);
    ct_store();
    ct_hold(2);
    ct_append('a', 1);
    ct_commit(3);
    s_end_connections();
    ct_silent();
    cluster_open(false);
    ct_expect("2 3 "); /* sent again */
    s_is_stored_once("3 2");
    ct_expect_bounds('a', 0, 2);
    ct_finish();
}

/* The server commits, waits for a standby that never comes, and is told to end the connection. */
TEST(test_a_connection_is_lost_behind_the_commit) {
    s_begin();
    ct_append('a', 1);
    ct_store();
    cluster_sql("ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
    cluster_sql("SELECT pg_reload_conf()");
    static const char waits[] =
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'zrelayd' AND wait_event = 'SyncRep'";
    char last[8], stored[16];
    for (bool held = false; !held;) { /* the server takes the setting some time */
        ct_append('a', 1);
        ct_commit(2);
        while (!ct_got[0] && !held) {
            held = strcmp(cluster_sql("%s", waits), "1") == 0;
            ct_pump(10);
        }
        if (!held)
            ct_expect("2 ");
    }
    snprintf(last, sizeof last, "%u", (unsigned)*ct_head('a'));
    snprintf(stored, sizeof stored, "%s %s", last, last);
    ct_silent();
    s_end_connections();
    cluster_await(last, "SELECT max(last) FROM zrelay.frames"); /* visible */
    ct_silent();
    cluster_sql("ALTER SYSTEM RESET synchronous_standby_names");
    cluster_sql("SELECT pg_reload_conf()");
    ct_expect("2 ");
    s_is_stored_once(stored);
    ct_append('a', 1);
    ct_store();
    ct_finish();
}

TEST(test_the_server_ends_and_comes_back) {
    s_begin();
    ct_append('a', 2);
    ct_store();
    cluster_command("kill");
    ct_append('a', 1);
    ct_commit(77);
    ct_read('a', (log_read_t){.after = 0, .until = 2});
    ct_silent();
    cluster_command("again");
    while (!strstr(ct_got, "77 ") || !strstr(ct_got, "complete"))
        ck_assert(ct_pump(30000));
    ck_assert_msg(strstr(ct_got, "0: 1 2 | = 2 complete"), "%s", ct_got); /* no entry is reported as lost */
    ct_got[0] = '\0';
    ct_expect_read('a', "0: 1 2 | 2: 3 | = 3 complete", .after = 0);
    ct_finish();
}

static const char *s_claim(void) {
    zr_error_t error = {0};
    db_t *db = pg_new(cluster_uri(), false);
    ck_assert_msg(pg_connect(db, &error) && pg_lease_claim(db, "tcp://192.0.2.9:1", "", &error), "%s", error.text);
    pg_close(db);
    return cluster_sql("SELECT endpoint FROM zrelay.lease");
}

TEST(test_a_lease_is_held_longer_while_the_log_loads) {
    static const char left[] = "SELECT until > clock_timestamp() + interval '10 seconds' FROM zrelay.lease";
    s_begin();
    ct_log->engine->restore(ct_log, &(log_restore_t){0}); /* nothing is kept */
    ck_assert_str_eq(cluster_sql("%s", left), "t");
    ct_append('a', 1);
    ct_store();
    ck_assert_str_eq(cluster_sql("%s", left), "f");
    ct_finish();
}

static uint64_t s_now(void) {
    return zr_boot_us() / 1000;
}

TEST(test_a_broker_leads_as_long_as_its_lease_was_confirmed) {
    s_begin();
    ck_assert_uint_eq(log_leads_until(ct_log), UINT64_MAX); /* it is alone */
    s_front = "tcp://192.0.2.9:1";
    ct_reopen(0);
    ct_log->engine->restore(ct_log, &(log_restore_t){0}); /* nothing is kept */
    ck_assert_uint_gt(log_leads_until(ct_log), s_now() + 5000);
    ct_append('a', 1);
    ct_store();
    uint64_t until = log_leads_until(ct_log);
    ck_assert_uint_lt(until, s_now() + 5000);
    while (s_now() < until - 4000) /* the renewal is confirmed at another millisecond */
        ct_pump(10);
    log_tick(ct_log, zr_time_us());
    ct_append('a', 1); /* behind the renewal */
    ct_store();
    ck_assert_uint_gt(log_leads_until(ct_log), until);
    cluster_close();
    until = log_leads_until(ct_log);
    log_tick(ct_log, zr_time_us());
    ct_append('a', 1);
    ct_commit(9);
    ct_silent();
    ck_assert_uint_eq(log_leads_until(ct_log), until);
    cluster_open(false);
    ct_expect("9 ");
    ck_assert_uint_gt(log_leads_until(ct_log), until);
    ct_finish();
    s_front = "";
}

static void s_make_tables(void) {
    pg_view_t view;
    zr_error_t error = {0};
    ck_assert_msg(pg_members_look(cluster_uri(), CONTRACT_EPOCH, &view, &error), "%s", error.text);
    ck_assert(view.free);
}

/* A loop that stands still until the lease is confirmed takes no answers. */
TEST(test_a_lease_is_renewed_while_no_answers_are_taken) {
    s_front = "tcp://192.0.2.9:1";
    s_begin();
    ct_append('a', 1);
    ct_store();
    for (int i = 0; i < 3; i++) {
        uint64_t until = log_leads_until(ct_log);
        poll(NULL, 0, 10); /* the next renewal is of another millisecond */
        log_tick(ct_log, zr_time_us());
        while (log_leads_until(ct_log) == until)
            poll(NULL, 0, 10);
    }
    ct_finish();
    s_front = "";
}

/* What the tables say of a loss. */
static const char *s_tell_loss(uint64_t epoch, uint64_t batch) {
    zr_error_t error = {0};
    db_t *db = pg_new(cluster_uri(), false);
    ck_assert_msg(pg_connect(db, &error) && pg_lease_tell_loss(db, epoch, batch, &error), "%s", error.text);
    pg_close(db);
    return cluster_sql("SELECT copy || ' ' || term || ' ' || holder FROM zrelay.log, zrelay.lease");
}

TEST(test_a_loss_is_told_once_an_epoch) {
    s_make_tables();
    cluster_sql(
        "UPDATE zrelay.lease SET batch = 5, term = 3, holder = 'x', until = clock_timestamp() + interval '1 h'");
    ck_assert_str_eq(s_tell_loss(CONTRACT_EPOCH, 5), "false 3 x"); /* nothing is lost */
    ck_assert_str_eq(s_tell_loss(CONTRACT_EPOCH + 1, 6), "false 3 x");
    ck_assert_str_eq(s_tell_loss(CONTRACT_EPOCH, 6), "true 4 ");
    ck_assert_str_eq(s_tell_loss(CONTRACT_EPOCH, 7), "true 4 ");
}

/* The commit may wait for a standby for longer than the lease lasts. */
TEST(test_a_lease_is_not_claimed_while_its_leader_stores) {
    s_make_tables();
    cluster_close();
    ck_assert_str_eq(s_claim(), "");
    cluster_open(false);
    ck_assert_str_eq(s_claim(), "tcp://192.0.2.9:1");
}

/* A server that was started since ended the leader's connection, which says nothing of the leader. */
TEST(test_a_start_of_the_server_frees_no_lease) {
    s_make_tables();
    cluster_sql("UPDATE zrelay.lease SET until = clock_timestamp() + interval '1 hour', pid = 1, endpoint ="
                " 'tcp://192.0.2.8:1', started = pg_postmaster_start_time() - interval '1 s'");
    ck_assert_str_eq(s_claim(), "tcp://192.0.2.8:1");
    cluster_sql("UPDATE zrelay.lease SET started = pg_postmaster_start_time() + interval '1 s'");
    ck_assert_str_eq(s_claim(), "tcp://192.0.2.9:1");
}

/* Another program continued the room, whatever the lease says. */
TEST(test_a_fork_is_refused) {
    s_begin();
    ct_append('a', 1);
    ct_store();
    cluster_sql(
        "INSERT INTO zrelay.frames SELECT room, 9, 1, time, count, entries + 1, bytes, frame FROM zrelay.frames");
    ct_append('a', 1);
    ct_commit(2);
    ct_expect("2! ");
    ct_finish();
}

TEST(test_a_log_that_wants_standbys_does_not_store_without) {
    s_begin();
    ck_assert_str_eq(cluster_sql("SELECT zrelay.hold_lease(1, 0, 2)"), "");
    ck_assert_str_eq(
        cluster_sql(
            "DO $$ BEGIN PERFORM zrelay.hold_lease(1, 0, 3); EXCEPTION WHEN SQLSTATE 'ZR002' THEN"
            " CREATE TABLE zrelay.caught (); END $$; SELECT count(*) FROM pg_tables WHERE tablename = 'caught'"),
        "1");
    ct_finish();
}

TEST(test_a_copy_begins_an_epoch) {
    s_begin();
    ct_append('a', 1);
    ct_store();
    log_destroy(ct_log);
    cluster_sql("UPDATE zrelay.log SET copy = true");
    log_postgres_config_t config = s_config();
    for (int i = 0; i < 2; i++) {
        zr_error_t error = {0};
        config.fresh_epoch = 0xE2 + (uint64_t)i;
        log_t *log = log_postgres_new(&config, &error);
        ck_assert_msg(log, "%s", error.text);
        ck_assert_uint_eq(log_durable_epoch(log), 0xE2);
        log_destroy(log);
    }
}

/* Many frames, keys and rooms in one transaction: more than one statement takes. */
TEST(test_a_large_transaction) {
    s_begin();
    ct_hold(1);
    for (int i = 0; i < 2500; i++)
        ct_append((char)('a' + i % 5), 3);
    for (int i = 0; i < 50; i++)
        ct_append_as('k', 2, 1, i % 2 ? "odd" : "even", i == 48);
    ct_commit(2);
    cluster_open(false);
    ct_expect("1 2 ");
    ct_reopen(0);
    ct_expect_restored("a 0-1500@2500; b 0-1500@2500; c 0-1500@2500; d 0-1500@2500; e 0-1500@2500; h 0-1@1001; "
                       "k 0-100@1100; k.odd=100; ");
    ct_expect_read('a', "1497: 1498 1499 1500 | = 1500 complete", .last = 3);
    ct_finish();
}

TEST(test_names_of_databases) {
    static const struct {
        const char *uri, *told;
    } cases[] = {{"mysql://localhost", "write postgresql://"},
        {"postgresql://ann:secret@localhost/log", "holds a password"},
        {"postgresql://localhost/log?password=secret", "holds a password"},
        {"postgresql://localhost/log?colour=red", "colour"}, {"postgresql:///log?host=/nowhere", "cannot connect"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        zr_error_t error = {0};
        ck_assert(!log_postgres_check(cases[i].uri, &error));
        ck_assert_uint_eq(error.count, 1);
        ck_assert_msg(strstr(error.text, cases[i].told) && !strstr(error.text, "secret"), "%s", error.text);
    }
    zr_error_t error = {0};
    ck_assert_msg(log_postgres_check(cluster_uri(), &error), "%s", error.text);
}

static int s_run(const char *name) {
    return unit_run(name, NULL, cluster_wipe);
}

int main(void) {
    return cluster_run("broker.log.postgres.log_postgres", s_run);
}
