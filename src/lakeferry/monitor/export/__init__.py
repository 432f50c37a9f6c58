"""The same as templates: CloudFormation and Terraform."""
