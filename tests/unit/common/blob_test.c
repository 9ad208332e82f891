#include "blob.h"

#include <pthread.h>

#include "unit.h"

typedef struct {
    int freed;
    void *data;
} probe_t;

static void s_probe_free(void *data, void *hint) {
    probe_t *probe = hint;
    probe->freed++;
    probe->data = data;
}

TEST(test_new_is_writable_up_to_its_length) {
    for (size_t len = 0; len < 70; len++) {
        zr_blob_t *blob = zr_blob_new(len);
        ck_assert_uint_eq(zr_blob_len(blob), len);
        memset(zr_blob_data(blob), 0xA5, len);
        zr_blob_unref(blob);
    }
}

TEST(test_copy_is_a_copy) {
    char text[] = "one\0two";
    zr_blob_t *blob = zr_blob_copy(text, sizeof text);
    memset(text, 'x', sizeof text);
    ck_assert_uint_eq(zr_blob_len(blob), 8);
    ck_assert_mem_eq(zr_blob_data(blob), "one\0two", 8);
    zr_blob_unref(blob);

    blob = zr_blob_copy(NULL, 0);
    ck_assert_uint_eq(zr_blob_len(blob), 0);
    zr_blob_unref(blob);
}

TEST(test_shared_while_somebody_else_holds_it) {
    zr_blob_t *blob = zr_blob_new(1);
    ck_assert(!zr_blob_shared(blob));
    zr_blob_ref(blob);
    ck_assert(zr_blob_shared(blob));
    zr_blob_unref(blob);
    ck_assert(!zr_blob_shared(blob));
    zr_blob_unref(blob);
}

TEST(test_wrap_gives_back_once_with_the_last_reference) {
    probe_t probe = {0};
    char bytes[] = "bytes";
    zr_blob_t *blob = zr_blob_wrap(bytes, 5, s_probe_free, &probe);
    ck_assert_ptr_eq(zr_blob_data(blob), bytes);
    ck_assert_uint_eq(zr_blob_len(blob), 5);
    ck_assert_ptr_eq(zr_blob_ref(blob), blob);
    ck_assert_ptr_eq(zr_blob_ref(blob), blob);
    zr_blob_unref(blob);
    zr_blob_unref(blob);
    ck_assert_int_eq(probe.freed, 0);
    zr_blob_unref(blob);
    ck_assert_int_eq(probe.freed, 1);
    ck_assert_ptr_eq(probe.data, bytes);
}

TEST(test_unref_accepts_null) {
    zr_blob_unref(NULL);
}

TEST_ABORTS(test_too_large_stops_the_program) {
    zr_blob_new(SIZE_MAX);
}

enum { THREADS = 4, ROUNDS = 20000 };

static void *s_drop(void *argument) {
    zr_blob_t *blob = argument;
    for (int i = 0; i < ROUNDS; i++) {
        zr_blob_ref(blob);
        zr_blob_unref(blob);
    }
    zr_blob_unref(blob);
    return NULL;
}

TEST(test_threads_drop_references) {
    probe_t probe = {0};
    pthread_t threads[THREADS];
    zr_blob_t *blob = zr_blob_wrap(&probe, sizeof probe, s_probe_free, &probe);
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, s_drop, zr_blob_ref(blob)), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    ck_assert_int_eq(probe.freed, 0);
    zr_blob_unref(blob);
    ck_assert_int_eq(probe.freed, 1);
}

UNIT_SUITE("common.blob")
