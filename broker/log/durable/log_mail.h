/* What the threads of the log hand to the loop, all by one mailbox. */
#ifndef LOG_MAIL_H
#define LOG_MAIL_H

#include "mailbox.h"

typedef enum {
    LOG_MAIL_PASS,     /* write_pass_t */
    LOG_MAIL_RETAINED, /* write_retained_t */
    LOG_MAIL_CHORES,   /* write_chores_t, done */
    LOG_MAIL_READ,     /* read_job_t */
} log_mail_t;

#endif
