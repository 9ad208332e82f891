#include "front_queue.h"

#include <pthread.h>

#include "unit.h"

enum { FRAME = 936 }; /* with FRONT_QUEUE_MESSAGE 1,000 */

static front_queue_place_t *s_take(front_queue_t *queued, route_t route, size_t len) {
    zr_blob_t *frame = zr_blob_new(len);
    front_queue_place_t *place = front_queue_take(queued, route, frame);
    if (!place)
        zr_blob_unref(frame);
    return place;
}

TEST(test_a_route_has_so_many_bytes) {
    front_queue_t *queued = front_queue_new(3000, 1000000);
    front_queue_place_t *places[3];
    for (int i = 0; i < 3; i++)
        ck_assert_ptr_nonnull(places[i] = s_take(queued, 1, FRAME));
    ck_assert_uint_eq(front_queue_of(queued, 1), 3000);
    ck_assert_uint_eq(front_queue_in_all(queued), 3000);
    ck_assert_uint_eq(front_queue_room(queued, 1), 0);
    ck_assert_uint_eq(front_queue_room(queued, 2), 3000);
    ck_assert_ptr_null(s_take(queued, 1, 0));
    ck_assert_ptr_null(s_take(queued, 2, 3000 - FRONT_QUEUE_MESSAGE + 1));
    front_queue_place_t *other = s_take(queued, 2, 3000 - FRONT_QUEUE_MESSAGE);
    ck_assert_ptr_nonnull(other);
    front_queue_give_back(places[1]);
    ck_assert_ptr_nonnull(places[1] = s_take(queued, 1, FRAME));
    for (int i = 0; i < 3; i++)
        front_queue_give_back(places[i]);
    front_queue_give_back(other);
    ck_assert_uint_eq(front_queue_of(queued, 1), 0);
    ck_assert_uint_eq(front_queue_in_all(queued), 0);
    front_queue_destroy(queued);
}

/* Many routes that do not read cannot take all: one that reads still gets its frames. */
TEST(test_all_routes_share) {
    enum { ROUTES = 100, ALL = 100000, MOST = 1000 };
    front_queue_t *queued = front_queue_new(ALL, ALL);
    static front_queue_place_t *places[MOST];
    size_t count = 0;
    for (route_t route = 1; route <= ROUTES; route++)
        while (count < MOST && (places[count] = s_take(queued, route, FRAME)))
            count++;
    ck_assert_uint_eq(front_queue_of(queued, 1), ALL / 5); /* a quarter of the bytes that it leaves */
    ck_assert_uint_le(front_queue_of(queued, ROUTES), front_queue_of(queued, 1));
    ck_assert_uint_lt(front_queue_in_all(queued), ALL);
    front_queue_place_t *small = s_take(queued, ROUTES + 1, 100);
    ck_assert_ptr_nonnull(small);
    front_queue_give_back(small);
    for (size_t i = 0; i < count; i++)
        front_queue_give_back(places[i]);
    front_queue_destroy(queued);
}

/* Bytes that many wait for are there once. */
TEST(test_shared_bytes_count_once) {
    enum { ROUTES = 100 };
    front_queue_t *queued = front_queue_new(100000, 100000);
    zr_blob_t *frame = zr_blob_new(FRAME);
    front_queue_place_t *places[ROUTES];
    for (route_t route = 0; route < ROUTES; route++)
        ck_assert_ptr_nonnull(places[route] = front_queue_take(queued, 1 + route, zr_blob_ref(frame)));
    ck_assert_uint_eq(front_queue_of(queued, ROUTES), 1000);
    ck_assert_uint_eq(front_queue_in_all(queued), 1000); /* also when the log, which holds it too, lets it go */
    front_queue_place_t *last = front_queue_take(queued, ROUTES + 1, zr_blob_copy("x", 1));
    ck_assert_uint_eq(front_queue_in_all(queued), 1000 + 1 + FRONT_QUEUE_MESSAGE);
    front_queue_give_back(last);
    for (route_t route = 0; route < ROUTES; route++)
        front_queue_give_back(places[route]);
    ck_assert_uint_eq(front_queue_in_all(queued), 0);
    ck_assert(!zr_blob_shared(frame));
    zr_blob_unref(frame);
    front_queue_destroy(queued);
}

/* Connections come and go without a word. */
TEST(test_idle_routes_are_forgotten) {
    front_queue_t *queued = front_queue_new(100000, 100000);
    front_queue_place_t *kept = s_take(queued, 1, FRAME);
    for (route_t route = 2; route < 10000; route++)
        front_queue_give_back(s_take(queued, route, FRAME));
    ck_assert_uint_le(front_queue_count(queued), 256);
    ck_assert_uint_eq(front_queue_of(queued, 1), 1000);
    front_queue_give_back(kept);
    front_queue_destroy(queued);
}

static void *s_give_back(void *arg) {
    front_queue_place_t **places = arg;
    for (size_t i = 0; i < 1000; i++)
        front_queue_give_back(places[i]);
    return NULL;
}

/* libzmq gives frames back when the broker's own parts are gone already. */
TEST(test_places_outlive_it) {
    front_queue_t *queued = front_queue_new(1 << 30, 1 << 30);
    static front_queue_place_t *places[2000];
    for (size_t i = 0; i < 2000; i++)
        places[i] = s_take(queued, 1 + i % 7, FRAME);
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, s_give_back, places + 1000 * i), 0);
    front_queue_destroy(queued);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    front_queue_destroy(NULL);
}

UNIT_SUITE("broker.queued")
