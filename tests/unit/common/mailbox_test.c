#include "mailbox.h"

#include "unit.h"

enum { MAILS = 20000, PUTTERS = 3 };

typedef struct {
    zr_mail_t mail;
    int number;
} letter_t;

static zr_mailbox_t s_box;

static void *s_put_all(void *ctx) {
    letter_t *letters = ctx;
    for (int i = 0; i < MAILS; i++) {
        letters[i] = (letter_t){.mail = {.kind = letters[0].mail.kind}, .number = i};
        zr_mailbox_put(&s_box, &letters[i].mail);
    }
    return NULL;
}

static bool s_readable(void) {
    struct pollfd ready = {.fd = s_box.fd, .events = POLLIN};
    return poll(&ready, 1, 0) == 1;
}

/* Every mail arrives once, and those of one thread in their order. */
TEST(test_threads) {
    static letter_t letters[PUTTERS][MAILS];
    pthread_t threads[PUTTERS];
    int next[PUTTERS] = {0}, taken = 0;
    zr_mailbox_init(&s_box);
    for (int i = 0; i < PUTTERS; i++) {
        letters[i][0].mail.kind = i;
        zr_thread_start(&threads[i], s_put_all, letters[i]);
    }
    while (taken < PUTTERS * MAILS) {
        ck_assert(zr_mailbox_wait(&s_box, true));
        for (zr_mail_t *mail = zr_mailbox_take_all(&s_box); mail; mail = mail->next, taken++)
            ck_assert_int_eq(((letter_t *)mail)->number, next[mail->kind]++);
    }
    for (int i = 0; i < PUTTERS; i++)
        pthread_join(threads[i], NULL);
    ck_assert_ptr_null(zr_mailbox_take(&s_box));
    zr_mailbox_finish(&s_box);
}

TEST(test_descriptor) {
    letter_t letters[2] = {{.number = 1}, {.number = 2}};
    zr_mailbox_init(&s_box);
    ck_assert(!s_readable());
    zr_mailbox_put(&s_box, &letters[0].mail);
    zr_mailbox_put(&s_box, &letters[1].mail);
    ck_assert(s_readable());
    zr_mail_t *mail = zr_mailbox_take_all(&s_box);
    ck_assert_ptr_eq(mail, &letters[0].mail);
    ck_assert_ptr_eq(mail->next, &letters[1].mail);
    ck_assert_ptr_null(mail->next->next);
    ck_assert(!s_readable());
    zr_mailbox_put(&s_box, &letters[0].mail);
    zr_mailbox_put(&s_box, &letters[1].mail);
    ck_assert_ptr_eq(zr_mailbox_take(&s_box), &letters[0].mail);
    ck_assert(s_readable());
    ck_assert_ptr_eq(zr_mailbox_take(&s_box), &letters[1].mail);
    ck_assert(!s_readable());
    zr_mailbox_wake(&s_box);
    ck_assert(zr_mailbox_wait(&s_box, true));
    ck_assert_ptr_null(zr_mailbox_take(&s_box));
    zr_mailbox_finish(&s_box);
}

static void *s_wait(void *ctx) {
    (void)ctx;
    while (zr_mailbox_wait(&s_box, true))
        zr_mailbox_take(&s_box);
    return NULL;
}

TEST(test_end) {
    pthread_t thread;
    letter_t letter = {.number = 1};
    zr_mailbox_init(&s_box);
    zr_thread_start(&thread, s_wait, NULL);
    zr_mailbox_wake(&s_box);
    zr_mailbox_end(&s_box);
    pthread_join(thread, NULL);
    ck_assert(!zr_mailbox_wait(&s_box, true));
    zr_mailbox_put(&s_box, &letter.mail); /* what came before the end can still be taken */
    ck_assert_ptr_eq(zr_mailbox_take(&s_box), &letter.mail);
    ck_assert_ptr_null(zr_mailbox_take(&s_box));
    ck_assert(s_readable()); /* a taker that waits for this and other descriptors hears of the end */
    zr_mailbox_finish(&s_box);
}

UNIT_SUITE("common.mailbox")
