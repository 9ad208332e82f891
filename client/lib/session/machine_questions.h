/* The program's questions and their answers: for the table in machine_kinds.c. */
#ifndef MACHINE_QUESTIONS_H
#define MACHINE_QUESTIONS_H

#include "machine_state.h"

/* A question of the program, number `*number`: 0, or why not. */
int machine_question(machine_t *m, request_kind_t kind, zr_span_t name, uint64_t *number, request_t **request);

void question_refuse(machine_t *m, request_t *request, json_t *error);
void question_ask_replay(machine_t *m, request_t *request, json_t *object);
void question_ask_history(machine_t *m, request_t *request, json_t *object);
void question_answer_history(machine_t *m, request_t *request, json_t *object);
void question_ask_state(machine_t *m, request_t *request, json_t *object);
void question_answer_state(machine_t *m, request_t *request, json_t *object);
void question_ask_list(machine_t *m, request_t *request, json_t *object);
void question_answer_who(machine_t *m, request_t *request, json_t *object);
void question_answer_rooms(machine_t *m, request_t *request, json_t *object);
void question_ask_direct(machine_t *m, request_t *request, json_t *object);
void question_answer_direct(machine_t *m, request_t *request, json_t *object);
void question_ask_ping(machine_t *m, request_t *request, json_t *object);
void question_answer_ping(machine_t *m, request_t *request, json_t *object);
void question_ask_kick(machine_t *m, request_t *request, json_t *object);
void question_ask_admin(machine_t *m, request_t *request, json_t *object);
void question_answer_admin(machine_t *m, request_t *request, json_t *object);
void question_ask_follow(machine_t *m, request_t *request, json_t *object);
void question_ask_join(machine_t *m, request_t *request, json_t *object);
void question_ask_nothing(machine_t *m, request_t *request, json_t *object);
void question_answer_nothing(machine_t *m, request_t *request, json_t *object);

#endif
