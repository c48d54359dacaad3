/* SPDX-License-Identifier: Apache-2.0
 * The injector thread: stops a process for the moment that it takes to start the agent in it, so that no other
 * thread of the engine waits for that. */
#include "engine.h"
#include "inject.h"

#include <stdlib.h>

void fm_injector_order(struct fm_space *space)
{
	struct fm_engine *engine = space->engine;
	struct fm_command *command = calloc(1, sizeof(*command));
	if (!command || !engine->agent_code) {
		free(command);
		fm_emit(engine, &(struct fm_event){
			.type = FM_EVENT_ATTACHED,
			.space = space->id,
			.status = engine->agent_code ? FM_ERR_NOMEM : FM_ERR_NO_AGENT,
		});
		return;
	}
	command->message.kind = FM_MSG_INJECT;
	command->space = space->id;
	command->pid = space->pid;
	space->injecting = true;
	fm_queue_push(&engine->inject_queue, &command->message);
}

void *fm_injector_main(void *argument)
{
	struct fm_engine *engine = argument;
	for (;;) {
		struct fm_message *message = fm_queue_pop(&engine->inject_queue);
		if (!message) {
			fm_queue_wait(&engine->inject_queue, -1, -1);
			continue;
		}
		if (message->kind == FM_MSG_STOP)
			return NULL;
		struct fm_command *command = (struct fm_command *)message;
		command->socket = fm_inject(command->pid, engine->agent_code, engine->agent_length);
		command->message.kind = FM_MSG_INJECTED;
		fm_queue_push(&engine->inbox, &command->message);
	}
}
