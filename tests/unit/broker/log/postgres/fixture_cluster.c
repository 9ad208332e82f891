/* See fixture_cluster.h. */
#include "fixture_cluster.h"

#include <libpq-fe.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/wait.h>

static char s_folder[64];
static PGconn *s_conn; /* of the test's process */

static int s_script(const char *command, const char *pid) {
    pid_t child = fork();
    if (child == 0) {
        execl(ZR_CLUSTER, ZR_CLUSTER, command, s_folder, pid, NULL);
        _exit(126);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 126;
}

int cluster_run(const char *name, int (*run)(const char *name)) {
    char pid[24];
    strcpy(s_folder, "/tmp/zrelay-pg-XXXXXX");
    if (!mkdtemp(s_folder))
        return EXIT_FAILURE;
    snprintf(pid, sizeof pid, "%ld", (long)getpid());
    int code = s_script("start", pid);
    if (code == 0)
        code = run(name);
    s_script("remove", NULL);
    return code;
}

void cluster_command(const char *command) {
    ck_assert_int_eq(s_script(command, NULL), 0);
}

const char *cluster_uri(void) {
    static char uri[160];
    snprintf(uri, sizeof uri, "postgresql://zrelay@/postgres?host=%s", s_folder);
    return uri;
}

const char *cluster_sql(const char *format, ...) {
    static char value[1000];
    char sql[2000];
    va_list args;
    va_start(args, format);
    vsnprintf(sql, sizeof sql, format, args);
    va_end(args);
    if (s_conn && PQstatus(s_conn) != CONNECTION_OK) {
        PQfinish(s_conn);
        s_conn = NULL;
    }
    if (!s_conn)
        s_conn = PQconnectdb(cluster_uri());
    PGresult *result = PQexec(s_conn, sql);
    ExecStatusType status = PQresultStatus(result);
    ck_assert_msg(status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK, "%s: %s", sql, PQerrorMessage(s_conn));
    bool some = status == PGRES_TUPLES_OK && PQntuples(result) > 0;
    snprintf(value, sizeof value, "%s", some ? PQgetvalue(result, 0, 0) : "");
    PQclear(result);
    return value;
}

void cluster_await(const char *value, const char *sql) {
    for (int i = 0; strcmp(cluster_sql("%s", sql), value) != 0; i++) {
        ck_assert_msg(i < 3000, "%s is not %s", sql, value);
        usleep(10000);
    }
}

void cluster_wipe(void) {
    cluster_sql("SET client_min_messages = error; DROP SCHEMA IF EXISTS zrelay CASCADE");
    PQfinish(s_conn);
    s_conn = NULL;
}

/* --- A gate --- */

#define HELD "FROM pg_stat_activity WHERE application_name = 'zrelayd' AND wait_event_type = 'Lock'"

void cluster_close(void) {
    cluster_sql("BEGIN; SELECT 1 FROM zrelay.lease FOR UPDATE");
}

void cluster_await_held(void) {
    cluster_await("t", "SELECT pg_stat_clear_snapshot() IS NOT NULL AND EXISTS (SELECT 1 " HELD ")");
}

void cluster_open(bool fail) {
    if (fail) {
        cluster_sql("SELECT pg_cancel_backend(pid) " HELD);
        cluster_await("f", "SELECT pg_stat_clear_snapshot() IS NOT NULL AND EXISTS (SELECT 1 " HELD ")");
    }
    cluster_sql("ROLLBACK");
}

void cluster_fill(bool full) {
    if (full)
        cluster_sql("CREATE FUNCTION zrelay.no_space() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION"
                    " 'could not extend file: No space left on device' USING ERRCODE = '53100'; END $$;"
                    "CREATE TRIGGER no_space BEFORE INSERT ON zrelay.frames EXECUTE FUNCTION zrelay.no_space()");
    else
        cluster_sql("DROP FUNCTION zrelay.no_space() CASCADE");
}
