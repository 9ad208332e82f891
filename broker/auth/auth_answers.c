/* See auth_answers.h. */
#include "auth_answers.h"

#include <stdlib.h>

#include "fatal.h"

void auth_reply(auth_t *auth, const auth_answer_t *answer) {
    reply_t *reply = fatal_calloc(sizeof *reply);
    reply->answer = *answer;
    zr_mailbox_put(&auth->replies, &reply->mail);
}

bool auth_take(auth_t *auth, auth_answer_t *answer) {
    reply_t *reply = (reply_t *)zr_mailbox_take(&auth->replies);
    if (reply)
        *answer = reply->answer;
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
    return auth->replies.fd;
}
