/* What the user's file calls a stored tensor, and how its elements lie there. */
#ifndef EF_FAULTSIM_SITE_H
#define EF_FAULTSIM_SITE_H

#include "faultsim/fault.h"

#define EF_SITE_NAME_SIZE 1024 /* with the NUL; longer names are cut */

/* Gives a site of site->node's parameter name and layout of the initialiser:
 * <node>.bias where net has none of this role, <node>.<role> where several share it.
 * Scales have the name of what they scale and ".scale".  The name is in buffer. */
void ef_site_name_parameter(ef_site *site, const ef_net *net, ef_role role,
                            char buffer[EF_SITE_NAME_SIZE]);
/* The same for the output of site->node, its scales, or the sums that give it. */
void ef_site_name_output(ef_site *site, const ef_net *net,
                         char buffer[EF_SITE_NAME_SIZE]);

#endif
