/* The schema of run files, version 4; evoflip-run(5) describes it for users. */
#ifndef EF_STORE_SCHEMA_H
#define EF_STORE_SCHEMA_H

/* "EVOF": tells a run file from any other SQLite database. */
#define EF_SCHEMA_APPLICATION 0x45564f46
#define EF_SCHEMA_VERSION 4
#define EF_SCHEMA_OLDEST 1      /* that is read */
#define EF_SCHEMA_SEEDS 2       /* from which on there is seed_model */
#define EF_SCHEMA_CAMPAIGNS 3   /* from which on there are campaigns */
#define EF_SCHEMA_VALIDATIONS 4 /* from which on there are validations */

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
    " hash TEXT NOT NULL, trained INTEGER NOT NULL, onnx BLOB NOT "                    \
    "NULL);" EF_SCHEMA_CAMPAIGN_SQL EF_SCHEMA_VALIDATION_SQL

/* Of outcomes there are millions: small numbers, and none that others tell. */
#define EF_SCHEMA_CAMPAIGN_SQL                                                         \
    "CREATE TABLE campaign(id INTEGER PRIMARY KEY, target TEXT NOT NULL,"              \
    " design TEXT NOT NULL, population INTEGER NOT NULL, images INTEGER NOT NULL);"    \
    "CREATE TABLE site(number INTEGER PRIMARY KEY, target TEXT NOT NULL,"              \
    " tensor TEXT NOT NULL, node TEXT NOT NULL, elements INTEGER NOT NULL,"            \
    " bits INTEGER NOT NULL);"                                                         \
    "CREATE TABLE stratum(campaign INTEGER, number INTEGER, part INTEGER,"             \
    " site INTEGER, bit INTEGER, population INTEGER, faults INTEGER, sdc INTEGER,"     \
    " sdc_squares INTEGER, sdc_faults INTEGER, nonfinite INTEGER,"                     \
    " nonfinite_squares INTEGER, nonfinite_faults INTEGER, critical INTEGER,"          \
    " corrected INTEGER, PRIMARY KEY(campaign, number, part)) WITHOUT ROWID;"          \
    "CREATE TABLE outcome(campaign INTEGER, draw INTEGER, fault INTEGER,"              \
    " benign INTEGER, sdc INTEGER, nonfinite INTEGER, corrected INTEGER,"              \
    " PRIMARY KEY(campaign, draw)) WITHOUT ROWID;"                                     \
    "CREATE TABLE image(campaign INTEGER, number INTEGER, place INTEGER, sdc INTEGER," \
    " nonfinite INTEGER, PRIMARY KEY(campaign, number)) WITHOUT ROWID;"                \
    "CREATE TABLE change(campaign INTEGER, class INTEGER, becomes INTEGER,"            \
    " pairs INTEGER, PRIMARY KEY(campaign, class, becomes)) WITHOUT ROWID;"            \
    "CREATE TABLE trial(campaign INTEGER, trial INTEGER, rate INTEGER, bits INTEGER,"  \
    " benign INTEGER, sdc INTEGER, nonfinite INTEGER, corrected INTEGER,"              \
    " correct INTEGER, PRIMARY KEY(campaign, trial, rate)) WITHOUT ROWID;"

/* low and high: 95 %. */
#define EF_SCHEMA_VALIDATION_SQL                                                       \
    "CREATE TABLE measure(number INTEGER PRIMARY KEY, format TEXT NOT NULL,"           \
    " target TEXT NOT NULL, ber REAL, trials INTEGER NOT NULL);"                       \
    "CREATE TABLE training(individual INTEGER, seed INTEGER, status TEXT NOT NULL,"    \
    " error REAL, loss REAL, message TEXT NOT NULL, PRIMARY KEY(individual, seed))"    \
    " WITHOUT ROWID;"                                                                  \
    "CREATE TABLE measured(individual INTEGER, seed INTEGER, measure INTEGER,"         \
    " ccr REAL, ccr_low REAL, ccr_high REAL, nonfinite REAL, nonfinite_low REAL,"      \
    " nonfinite_high REAL, failed REAL, failed_low REAL, failed_high REAL,"            \
    " accuracy REAL, accuracy_low REAL, accuracy_high REAL, fault_free REAL,"          \
    " PRIMARY KEY(individual, seed, measure)) WITHOUT ROWID;"

#endif
