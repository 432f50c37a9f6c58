#!/bin/bash
exit 0
# VPC_CIDRS come here
# PLAN comes here
# PEER comes here
