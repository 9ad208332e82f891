#include "blob_queue.h"

#include <stdio.h>

#include "unit.h"

static void s_push(blob_queue_t *queue, const char *text) {
    zr_blob_t *blob = zr_blob_copy(text, strlen(text));
    blob_queue_push(queue, blob);
    zr_blob_unref(blob);
}

TEST(test_bytes_go_in_order_whatever_the_pieces) {
    blob_queue_t queue = {0};
    char out[8192] = "", expected[8192] = "";
    size_t taken = 0;
    for (int i = 0; i < 500; i++) {
        char text[16];
        snprintf(text, sizeof text, "%d,", i);
        strcat(expected, text);
        s_push(&queue, text);
        for (int turn = 0; turn < i % 3; turn++) {
            struct iovec piece;
            if (blob_queue_peek(&queue, &piece, 1) == 0)
                break;
            size_t now = piece.iov_len > 2 ? 2 : piece.iov_len;
            memcpy(out + taken, piece.iov_base, now);
            taken += now;
            blob_queue_drop(&queue, now);
        }
        ck_assert_uint_eq(queue.bytes, strlen(expected) - taken);
    }
    struct iovec pieces[1000];
    int count = blob_queue_peek(&queue, pieces, 1000);
    size_t all = queue.bytes;
    for (int i = 0; i < count; i++) {
        memcpy(out + taken, pieces[i].iov_base, pieces[i].iov_len);
        taken += pieces[i].iov_len;
    }
    blob_queue_drop(&queue, all);
    ck_assert_str_eq(out, expected);
    ck_assert_uint_eq(queue.count, 0);
    ck_assert_ptr_null(queue.blobs);
}

TEST(test_cutting_keeps_a_frame_that_was_begun) {
    blob_queue_t queue = {0};
    s_push(&queue, "first");
    s_push(&queue, "second");
    blob_queue_drop(&queue, 2);
    blob_queue_cut(&queue);
    ck_assert_uint_eq(queue.count, 1);
    ck_assert_uint_eq(queue.bytes, 3);
    blob_queue_drop(&queue, 3);
    s_push(&queue, "third");
    blob_queue_cut(&queue);
    ck_assert_uint_eq(queue.bytes, 0);
    ck_assert_ptr_null(blob_queue_first(&queue));
    s_push(&queue, "fourth");
    blob_queue_finish(&queue);
    ck_assert_ptr_null(queue.blobs);
}

UNIT_SUITE("client.gateway.blob_queue")
