#include "control.h"

#include "names.h"
#include "unit.h"

/* Reads where reading too far crashes; NULL when it is refused. */
static json_t *s_read(zr_span_t text) {
    json_t *object = NULL;
    zr_code_t code = zr_control_read(unit_at_edge(text), &object);
    ck_assert_int_eq(code, object ? ZR_OK : ZR_BAD_JSON);
    return object;
}

static bool s_readable(zr_span_t text) {
    json_t *object = s_read(text);
    json_decref(object);
    return object != NULL;
}

/* An object around `depth - 1` arrays. */
static zr_span_t s_nested(size_t depth, const char *inner) {
    static char text[8192];
    size_t len = (size_t)snprintf(text, sizeof text, "{\"op\":");
    memset(text + len, '[', depth - 1);
    len += depth - 1;
    len += (size_t)snprintf(text + len, sizeof text - len, "%s", inner);
    memset(text + len, ']', depth - 1);
    len += depth - 1;
    text[len++] = '}';
    return zr_span_of(text, len);
}

TEST(test_reads_objects) {
    static const char *const good[] = {
        "{}",
        "{\"op\":\"ping\"}",
        "{ \"op\" : \"ping\" } \n",
        "{\"a\":1,\"b\":-1,\"c\":1.5,\"d\":null,\"e\":true,\"f\":[],\"g\":{}}",
        "{\"a\":\"\\ud83d\\ude00\"}",
        "{\"a\":\"gr\xC3\xBC\xC3\x9F\"}",
        "{\"a\":{\"a\":1},\"b\":{\"a\":1}}",
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        ck_assert_msg(s_readable(zr_span(good[i])), "%s", good[i]);
}

TEST(test_refuses_all_else) {
    static const zr_span_t bad[] = {
        {"", 0},
        {"{", 1},
        {"}", 1},
        {"[]", 2},
        {"\"op\"", 4},
        {"1", 1},
        {"null", 4},
        {" {}", 3}, /* the first byte tells what a frame is */
        {"\xEF\xBB\xBF{}", 5},
        {"{}{}", 4},
        {"{}x", 3},
        {"{}\0", 3},
        {"{\"a\":1,}", 8},
        {"{\"a\"}", 5},
        {"{a:1}", 5},
        {"{'a':1}", 7},
        {"{\"a\":01}", 8},
        {"{\"a\":NaN}", 9},
        {"{\"a\":\"\n\"}", 9},
        {"{\"a\":\"\0\"}", 9},
        {"{\"a\":\"\\u0000\"}", 14},
        {"{\"\\u0000\":1}", 12},
        {"{\"a\":\"\\ud800\"}", 14},
        {"{\"a\":\"\\udc00\"}", 14},
        {"{\"a\":\"\\ud800\\ud800\"}", 20},
        {"{\"a\":\"\xFF\"}", 9},
        {"{\"a\":\"\xC0\xAF\"}", 10},
        {"{\"a\":\"\xED\xA0\x80\"}", 11},
        {"{\"a\":1,\"a\":2}", 13},
        {"{\"a\":{\"b\":1,\"b\":1}}", 19},
        {"{\"a\":1,\"\\u0061\":2}", 18},
        {"{\"a\":9223372036854775808}", 25},
        {"{\"a\":-9223372036854775809}", 26},
        {"{\"a\":1e400}", 11},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ck_assert_msg(!s_readable(bad[i]), "case %zu: %s", i, bad[i].ptr);
}

TEST(test_every_prefix_is_refused) {
    zr_span_t text = LIT("{\"op\":\"join\",\"room\":\"caf\xC3\xA9\",\"after\":41,\"x\":[1,{\"y\":null}]}");
    ck_assert(s_readable(text));
    for (size_t len = 0; len < text.len; len++)
        ck_assert_msg(!s_readable(zr_span_of(text.ptr, len)), "%zu bytes", len);
}

TEST(test_depth) {
    ck_assert(s_readable(s_nested(1, "1")));
    ck_assert(s_readable(s_nested(8, "1")));
    ck_assert(!s_readable(s_nested(9, "1")));
    ck_assert(s_readable(s_nested(7, "{}")));
    ck_assert(!s_readable(s_nested(8, "{}")));
    ck_assert(!s_readable(s_nested(3000, "1")));
    /* brackets in strings do not nest, those after an escaped quote neither */
    ck_assert(s_readable(LIT("{\"a\":\"[[[[[[[[[[{{{{{{{\"}")));
    ck_assert(s_readable(LIT("{\"a\":\"\\\"[[[[[[[[[[[\\\\\"}")));
    ck_assert(!s_readable(LIT("{\"a\":\"\\\\\",\"b\":[[[[[[[[1]]]]]]]]}")));
    /* side by side is not deep */
    ck_assert(s_readable(LIT("{\"a\":[[],[],[],[],[],[],[],[],[],[],[{},{},{}]]}")));
}

TEST(test_failure_leaves_the_object_alone) {
    json_t *before = json_true(), *object = before;
    ck_assert_int_eq(zr_control_read(LIT("{"), &object), ZR_BAD_JSON);
    ck_assert_ptr_eq(object, before);
}

TEST(test_write_is_compact_and_keeps_order) {
    zr_blob_t *blob = zr_control_write(json_pack("{s:s, s:I, s:b, s:[i,i], s:s}", "op", "pong", "time",
        (json_int_t)ZR_INT_MAX, "b", 1, "a", 1, 2, "t", "gr\xC3\xBC\xC3\x9F/\"\n"));
    ck_assert_span_eq(zr_span_of(zr_blob_data(blob), zr_blob_len(blob)),
        LIT("{\"op\":\"pong\",\"time\":9007199254740991,\"b\":true,\"a\":[1,2],\"t\":\"gr\xC3\xBC\xC3\x9F/"
            "\\\"\\n\"}"));
    zr_blob_unref(blob);
}

TEST(test_write_takes_the_reference) {
    json_t *object = json_pack("{s:s}", "op", "ping");
    json_incref(object);
    zr_blob_unref(zr_control_write(object));
    ck_assert_uint_eq(object->refcount, 1);
    json_decref(object);
}

TEST(test_large_objects_come_back) {
    json_t *list = json_array();
    for (int i = 0; i < 2000; i++)
        json_array_append_new(list, json_pack("{s:s, s:i}", "nick", "somebody", "n", i));
    zr_blob_t *blob = zr_control_write(json_pack("{s:s, s:o}", "op", "who", "users", list));
    ck_assert_uint_gt(zr_blob_len(blob), 50000);
    json_t *object = s_read(zr_span_of(zr_blob_data(blob), zr_blob_len(blob)));
    ck_assert_uint_eq(json_array_size(json_object_get(object, "users")), 2000);
    json_decref(object);
    zr_blob_unref(blob);
}

TEST_ABORTS(test_write_of_null_stops_the_program) {
    zr_control_write(NULL);
}

TEST(test_get_string) {
    json_t *object = s_read(LIT("{\"s\":\"four\",\"e\":\"\",\"u\":\"\xC3\xBC\",\"n\":4,\"z\":null}"));
    const char *wrong = NULL;
    zr_span_t out = {0};
    ck_assert(zr_get_string(object, "s", 4, 4, &out, &wrong));
    ck_assert_span_eq(out, LIT("four"));
    ck_assert(zr_get_string(object, "e", 0, 0, &out, &wrong));
    ck_assert_uint_eq(out.len, 0);
    ck_assert(zr_get_string(object, "u", 2, 2, &out, &wrong)); /* bytes, not characters */
    ck_assert_ptr_null(wrong);

    out = LIT("as it was");
    ck_assert(!zr_get_string(object, "s", 5, 9, &out, &wrong));
    ck_assert_str_eq(wrong, "s");
    ck_assert(!zr_get_string(object, "n", 0, 9, &out, &wrong));
    ck_assert_str_eq(wrong, "s"); /* the first one stays */
    wrong = NULL;
    ck_assert(!zr_get_string(object, "n", 0, 9, &out, &wrong));
    ck_assert_str_eq(wrong, "n");
    ck_assert(!zr_get_string(object, "s", 0, 3, &out, &wrong));
    ck_assert(!zr_get_string(object, "e", 1, 3, &out, &wrong));
    ck_assert(!zr_get_string(object, "z", 0, 9, &out, &wrong));
    ck_assert(!zr_get_string(object, "missing", 0, 9, &out, &wrong));
    ck_assert_span_eq(out, LIT("as it was"));
    json_decref(object);
}

TEST(test_get_string_opt) {
    json_t *object = s_read(LIT("{\"s\":\"four\",\"e\":\"\",\"n\":4,\"z\":null}"));
    const char *wrong = NULL;
    zr_span_t out = LIT("fallback");
    ck_assert(zr_get_string_opt(object, "missing", 9, &out, &wrong));
    ck_assert_span_eq(out, LIT("fallback"));
    ck_assert(zr_get_string_opt(object, "s", 4, &out, &wrong));
    ck_assert_span_eq(out, LIT("four"));
    ck_assert_ptr_null(wrong);
    ck_assert(!zr_get_string_opt(object, "s", 3, &out, &wrong));
    ck_assert_str_eq(wrong, "s");
    ck_assert(!zr_get_string_opt(object, "n", 9, &out, &wrong));
    ck_assert(!zr_get_string_opt(object, "z", 9, &out, &wrong));
    ck_assert_span_eq(out, LIT("four"));
    ck_assert(zr_get_string_opt(object, "e", 9, &out, &wrong));
    ck_assert_uint_eq(out.len, 0);
    json_decref(object);
}

TEST(test_get_uint) {
    json_t *object = s_read(LIT("{\"zero\":0,\"one\":1,\"top\":9007199254740991,\"over\":9007199254740992,\"minus\":-1,"
                                "\"most\":9223372036854775807,\"real\":1.0,\"exponent\":1e3,\"Exponent\":1E0,\"text\":"
                                "\"1\",\"bool\":true,\"z\":null}"));
    const char *wrong = NULL;
    uint64_t out = 77;
    ck_assert(zr_get_uint(object, "top", 0, &out, &wrong));
    ck_assert_uint_eq(out, 9007199254740991ULL);
    ck_assert(zr_get_uint(object, "zero", 0, &out, &wrong));
    ck_assert_uint_eq(out, 0);
    ck_assert(zr_get_uint(object, "one", 1, &out, &wrong));
    ck_assert_uint_eq(out, 1);
    ck_assert_ptr_null(wrong);

    static const char *const bad[] = {
        "over", "minus", "most", "real", "exponent", "Exponent", "text", "bool", "z", "missing"};
    out = 77;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        wrong = NULL;
        ck_assert_msg(!zr_get_uint(object, bad[i], 0, &out, &wrong), "%s", bad[i]);
        ck_assert_str_eq(wrong, bad[i]);
    }
    ck_assert(!zr_get_uint(object, "zero", 1, &out, &wrong));
    ck_assert_str_eq(wrong, "missing");
    ck_assert_uint_eq(out, 77);

    wrong = NULL;
    ck_assert(zr_get_uint_opt(object, "missing", 1, &out, &wrong));
    ck_assert_uint_eq(out, 77);
    ck_assert(zr_get_uint_opt(object, "one", 1, &out, &wrong));
    ck_assert_uint_eq(out, 1);
    ck_assert_ptr_null(wrong);
    ck_assert(!zr_get_uint_opt(object, "over", 0, &out, &wrong));
    ck_assert_str_eq(wrong, "over");
    ck_assert(!zr_get_uint_opt(object, "z", 0, &out, &wrong));
    ck_assert(!zr_get_uint_opt(object, "one", 2, &out, &wrong));
    ck_assert_uint_eq(out, 1);
    json_decref(object);
}

TEST(test_get_bool_opt_and_has) {
    json_t *object = s_read(LIT("{\"t\":true,\"f\":false,\"n\":1,\"z\":null}"));
    const char *wrong = NULL;
    bool out = false;
    ck_assert(zr_get_bool_opt(object, "t", &out, &wrong));
    ck_assert(out);
    ck_assert(zr_get_bool_opt(object, "missing", &out, &wrong));
    ck_assert(out);
    ck_assert(zr_get_bool_opt(object, "f", &out, &wrong));
    ck_assert(!out);
    ck_assert_ptr_null(wrong);
    ck_assert(!zr_get_bool_opt(object, "n", &out, &wrong));
    ck_assert_str_eq(wrong, "n");
    ck_assert(!zr_get_bool_opt(object, "z", &out, &wrong));
    ck_assert(zr_has(object, "z"));
    ck_assert(zr_has(object, "f"));
    ck_assert(!zr_has(object, "missing"));
    json_decref(object);
}

/* The result of zr_get_id for a request with this value of id; `*type` is the type of the id that it gave. */
static bool s_id(const char *value, int *type) {
    char text[256];
    json_t *id = NULL;
    int len = snprintf(text, sizeof text, "{\"op\":\"ping\"%s%s}", value ? ",\"id\":" : "", value ? value : "");
    json_t *object = s_read(zr_span_of(text, (size_t)len));
    ck_assert_ptr_nonnull(object);
    bool good = zr_get_id(object, &id);
    *type = id ? (int)json_typeof(id) : -1;
    json_decref(object);
    return good;
}

TEST(test_get_id) {
    char text[80];
    int type;
    ck_assert(s_id(NULL, &type));
    ck_assert_int_eq(type, -1);
    ck_assert(s_id("0", &type));
    ck_assert_int_eq(type, JSON_INTEGER);
    ck_assert(s_id("-5", &type));
    ck_assert(s_id("\"\"", &type));
    ck_assert_int_eq(type, JSON_STRING);
    for (size_t len = 63; len <= 66; len++) {
        snprintf(text, sizeof text, "\"%.*s\"", (int)len, unit_fill('i', len).ptr);
        ck_assert_int_eq(s_id(text, &type), len <= 64);
        ck_assert_int_eq(type, len <= 64 ? JSON_STRING : -1);
    }
    static const char *const bad[] = {"null", "true", "1.0", "1e0", "[]", "[1]", "{}"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        ck_assert_msg(!s_id(bad[i], &type), "%s", bad[i]);
        ck_assert_int_eq(type, -1);
    }
}

TEST(test_json_string) {
    zr_blob_t *blob = zr_control_write(json_pack(
        "{s:o, s:o}", "a", zr_json_string(unit_at_edge(LIT("caf\xC3\xA9"))), "b", zr_json_string(zr_span(NULL))));
    ck_assert_span_eq(zr_span_of(zr_blob_data(blob), zr_blob_len(blob)), LIT("{\"a\":\"caf\xC3\xA9\",\"b\":\"\"}"));
    zr_blob_unref(blob);
}

/* A request with `count` values, in an array and in objects. */
static zr_span_t s_values(unsigned count, const char *value) {
    static char text[16384];
    size_t len = (size_t)snprintf(
        text, sizeof text, "{\"op\":\"x,[{,\",\"a\":["); /* two of them; the third is the first below */
    for (unsigned i = 3; i <= count; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, "%s%s", i > 3 ? "," : "", value);
    len += (size_t)snprintf(text + len, sizeof text - len, "]}");
    return zr_span_of(text, len);
}

TEST(test_values_of_a_request) {
    json_t *object = NULL;
    ck_assert_int_eq(zr_control_read_request(s_values(ZR_CONTROL_VALUES, "1"), &object), ZR_OK);
    json_decref(object);
    ck_assert_int_eq(zr_control_read_request(s_values(ZR_CONTROL_VALUES + 1, "1"), &object), ZR_BAD_JSON);
    ck_assert_int_eq(zr_control_read_request(s_values(ZR_CONTROL_VALUES, "{}"), &object), ZR_BAD_JSON);
    ck_assert_int_eq(zr_control_read_request(s_values(ZR_CONTROL_VALUES / 2, "{}"), &object), ZR_OK);
    json_decref(object);
    ck_assert(s_readable(s_values(2 * ZR_CONTROL_VALUES, "1"))); /* of the broker's frames */
}

/* `text`, with ' for ", as a meta is written; NULL: it breaks the rules of metas. */
static const char *s_meta(const char *text) {
    static char written[2 * ZR_META_MAX];
    char json[2 * ZR_META_MAX];
    const char *fault = NULL;
    snprintf(json, sizeof json, "%s", text);
    unit_quotes(json);
    json_t *object = json_loads(json, JSON_DECODE_ANY, NULL);
    ck_assert_ptr_nonnull(object);
    zr_blob_t *blob = zr_meta_write(object, &fault);
    json_decref(object);
    ck_assert((blob == NULL) == (fault != NULL));
    if (!blob)
        return NULL;
    snprintf(written, sizeof written, "%.*s", (int)zr_blob_len(blob), (const char *)zr_blob_data(blob));
    zr_blob_unref(blob);
    return written;
}

TEST(test_metas) {
    ck_assert_str_eq(s_meta("{}"), "{}");
    ck_assert_str_eq(s_meta("{ 'a' : [ 1, {'b':{}} ] }"), "{\"a\":[1,{\"b\":{}}]}");
    ck_assert_str_eq(s_meta("{'\u00fc':'\u20ac'}"), "{\"\u00fc\":\"\u20ac\"}");
    static const char *const bad[] = {"[]", "1", "null", "'x'", "{'a':[1,{'b':{'c':{}}}]}", "{'a':[[[[]]]]}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_msg(!s_meta(bad[i]), "%s", bad[i]);
    for (int len = ZR_META_MAX; len <= ZR_META_MAX + 1; len++) {
        char text[2 * ZR_META_MAX];
        snprintf(text, sizeof text, "{'x':'%.*s'}", len - 8, unit_fill('x', ZR_META_MAX + 1).ptr);
        ck_assert((s_meta(text) != NULL) == (len == ZR_META_MAX));
    }
}

UNIT_SUITE("common.control")
