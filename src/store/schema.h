/* The schema of run files, version 2; evoflip-run(5) describes it for users. */
#ifndef EF_STORE_SCHEMA_H
#define EF_STORE_SCHEMA_H

/* "EVOF": tells a run file from any other SQLite database. */
#define EF_SCHEMA_APPLICATION 0x45564f46
#define EF_SCHEMA_VERSION 2
#define EF_SCHEMA_OLDEST 1 /* that is read */
#define EF_SCHEMA_SEEDS 2  /* from which on there is seed_model */

#define EF_SCHEMA_SQL                                                                  \
    "CREATE TABLE config(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"    \
    "CREATE TABLE objective(position INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,"  \
    " unit TEXT NOT NULL, direction TEXT NOT NULL);"                                   \
    "CREATE TABLE individual(id INTEGER PRIMARY KEY, generation INTEGER NOT NULL,"     \
    " parent_a INTEGER, parent_b INTEGER, operator TEXT NOT NULL, hash TEXT NOT NULL," \
    " status TEXT NOT NULL, violation REAL, error REAL, test_error REAL, loss REAL,"   \
    " topology TEXT NOT NULL, message TEXT NOT NULL);"                                 \
    "CREATE TABLE value(individual INTEGER NOT NULL, objective INTEGER NOT NULL,"      \
    " value REAL, PRIMARY KEY(individual, objective)) WITHOUT ROWID;"                  \
    "CREATE TABLE generation(number INTEGER PRIMARY KEY, trained INTEGER NOT NULL,"    \
    " next_id INTEGER NOT NULL, best_error REAL, hypervolume REAL);"                   \
    "CREATE TABLE population(slot INTEGER PRIMARY KEY, individual INTEGER NOT NULL);"  \
    "CREATE TABLE model(individual INTEGER PRIMARY KEY, onnx BLOB NOT NULL);"          \
    "CREATE TABLE seed_model(position INTEGER PRIMARY KEY, name TEXT NOT NULL,"        \
    " hash TEXT NOT NULL, trained INTEGER NOT NULL, onnx BLOB NOT NULL);"

#endif
