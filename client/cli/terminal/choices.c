#include "choices.h"

void choices_begin(choices_t *choices, size_t from, zr_span_t found) {
    zr_buffer_clear(&choices->found);
    zr_buffer_append(&choices->found, found.ptr, found.len);
    choices->from = from;
    choices->count = choices->at = 0;
    for (size_t i = 0; i < found.len; i++)
        choices->count += found.ptr[i] == '\n';
    choices->active = choices->count > 0;
    choices->begun = false;
}

void choices_end(choices_t *choices) {
    choices->active = false;
}

bool choices_next(choices_t *choices, bool back, zr_span_t *choice) {
    if (!choices->active)
        return false;
    if (choices->begun)
        choices->at = (choices->at + (back ? choices->count - 1 : 1)) % choices->count;
    choices->begun = true;
    zr_span_t left = zr_span_of(choices->found.data, choices->found.len);
    for (size_t i = 0; i <= choices->at; i++)
        *choice = zr_span_cut(&left, '\n');
    return true;
}

void choices_finish(choices_t *choices) {
    zr_buffer_finish(&choices->found);
    *choices = (choices_t){0};
}
