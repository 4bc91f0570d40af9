/* What campaigns found, for people and for programs. */
#ifndef EF_CMD_INJECT_REPORT_H
#define EF_CMD_INJECT_REPORT_H

#include "base/text.h"
#include "report/table.h"
#include "study/campaign.h"

/* The columns of the table for programs, shares of 1; then the rows of one campaign. */
void ef_inject_csv_columns(ef_table *table);
void ef_inject_csv_rows(ef_table *table, const ef_campaign *campaign,
                        const ef_injector *injector);

/* A table for people, in percent, under a line that says why the campaign ended. */
void ef_inject_print(ef_text *text, const ef_campaign *campaign,
                     const ef_injector *injector, const ef_stop_rule *rule);

#endif
