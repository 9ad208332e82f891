/* See auth_answers.h. */
#include "auth_answers.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "fatal.h"
#include "thread.h"

uint64_t auth_now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void auth_reply(auth_t *auth, const auth_answer_t *answer) {
    reply_t *reply = fatal_calloc(sizeof *reply);
    reply->answer = *answer;
    *auth->replies_end = reply;
    auth->replies_end = &reply->next;
    thread_tell(auth->fd);
}

bool auth_take(auth_t *auth, auth_answer_t *answer) {
    pthread_mutex_lock(&auth->mutex);
    reply_t *reply = auth->replies;
    if (reply) {
        auth->replies = reply->next;
        if (!auth->replies)
            auth->replies_end = &auth->replies;
        *answer = reply->answer;
    } else {
        uint64_t told;
        ssize_t got = read(auth->fd, &told, sizeof told); /* fails when nothing was told */
        (void)got;
    }
    pthread_mutex_unlock(&auth->mutex);
    free(reply);
    return reply != NULL;
}

void auth_answer_finish(auth_answer_t *answer) {
    free(answer->text);
    access_destroy(answer->access);
    free(answer->voided.items);
    free(answer->disowned.items);
    *answer = (auth_answer_t){0};
}

int auth_fd(const auth_t *auth) {
    return auth->fd;
}
