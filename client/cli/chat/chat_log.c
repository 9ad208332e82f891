/* Plain logs: a file for each room and day. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "chat.h"
#include "names.h"

/* A room's name as a file's: "/" and a first "." would lead elsewhere. */
static void s_name(zr_buffer_t *out, const char *room) {
    for (const char *at = room; *at; at++) {
        if (*at == '/' || *at == '%' || (*at == '.' && at == room))
            zr_buffer_printf(out, "%%%02X", (unsigned char)*at);
        else
            zr_buffer_u8(out, (uint8_t)*at);
    }
}

static void s_line(zr_buffer_t *out, const zrelay_event_t *event) {
    chat_style_t style = {.seconds = true};
    chat_text_entry(out, style, event, false);
}

void chat_log(chat_t *chat, const zrelay_event_t *event) {
    time_t seconds = (time_t)(event->time / 1000000);
    struct tm local;
    char day[40];
    if (!chat->log || !localtime_r(&seconds, &local) || strftime(day, sizeof day, "%Y-%m-%d", &local) == 0)
        return;
    zr_buffer_t path = {0}, line = {0};
    zr_buffer_printf(&path, "%s/", chat->log);
    s_name(&path, event->room);
    zr_buffer_printf(&path, ".%s.log%c", day, '\0');
    s_line(&line, event);
    int file = open((char *)path.data, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    bool good = file >= 0 && write(file, line.data, line.len) == (ssize_t)line.len;
    if (file >= 0)
        close(file);
    zr_buffer_finish(&line);
    if (!good) {
        chat->log = NULL; /* told once */
        chat_notice(chat, "cannot write the log %s; no log is written any more", (char *)path.data);
    }
    zr_buffer_finish(&path);
}
