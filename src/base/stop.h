/* SIGINT and SIGTERM as a wish to stop: the unit in hand is finished first. */
#ifndef EF_BASE_STOP_H
#define EF_BASE_STOP_H

/* Installs the handlers.  A second signal ends the program at once. */
void ef_stop_install(void);

/* True once a signal came. */
int ef_stop_requested(void);

#endif
