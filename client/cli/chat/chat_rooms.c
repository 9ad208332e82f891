/* The chat's rooms. */
#include <stdio.h>
#include <stdlib.h>

#include "chat.h"
#include "names.h"

size_t chat_find(const chat_t *chat, zr_span_t name) {
    size_t index = 0;
    while (index < chat->room_count && !zr_span_equal(zr_span(chat->rooms[index].name), name))
        index++;
    return index;
}

void chat_show_prompt(chat_t *chat) {
    char text[ZR_ROOM_MAX + 4];
    snprintf(text, sizeof text, "%s> ", chat->room_count ? chat->rooms[chat->current].name : "");
    if (chat->prompt)
        prompt_set(chat->prompt, text, NULL);
}

void chat_forget(chat_t *chat, size_t index) {
    free(chat->rooms[index].name);
    chat->room_count--;
    memmove(&chat->rooms[index], &chat->rooms[index + 1], (chat->room_count - index) * sizeof chat->rooms[0]);
    if (chat->current > index || chat->current == chat->room_count)
        chat->current = chat->current ? chat->current - 1 : 0;
    chat->style.rooms = chat->room_count > 1;
    chat_show_prompt(chat);
}
