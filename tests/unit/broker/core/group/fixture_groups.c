#include "fixture_groups.h"

void fx_group_start(bool durable) {
    fx_begin();
    fx.durable = durable;
    fx_start();
    fx_hello(A, "ann");
    fx_hello(B, "bob");
    fx_hello(C, "pub");
}

void fx_group_work(route_t route, int credit, const char *options) {
    fx_ask(route, WORK, credit, options);
    fx_expect(route, "{'op':'working','room':'r','group':'g','worker':7}");
}

void fx_group_publish(uint64_t first, uint64_t last) {
    fx_pub("r");
    for (uint64_t mid = first; mid <= last; mid++) {
        char body[8];
        snprintf(body, sizeof body, "%c", (char)('a' + mid - 1));
        fx_add(mid, body);
    }
    fx_send_now(C);
    fx_drop_all(C, BACK);
}

void fx_group_publish_key(uint64_t mid, const char *key, const char *body) {
    fx_pub("r");
    fx_add_key(mid, key, body);
    fx_send_now(C);
    fx_drop_all(C, BACK);
}

void fx_group_groups(const char *members) {
    fx_ask(D, "{'op':'groups','room':'r'}");
    fx_expect(D, "{'op':'groups','more':false}");
    json_t *row = json_incref(json_array_get(json_object_get(fx.last, "groups"), 0));
    char text[1000];
    snprintf(text, sizeof text, "%s", members);
    unit_quotes(text);
    json_t *wanted = json_loads(text, 0, NULL), *value;
    const char *name;
    char *got = json_dumps(row, JSON_COMPACT);
    json_object_foreach(wanted, name, value)
        ck_assert_msg(json_equal(json_object_get(row, name), value), "%s is not %s", got, text);
    free(got);
    json_decref(wanted);
    json_decref(row);
}
