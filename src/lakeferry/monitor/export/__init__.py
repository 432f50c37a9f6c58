"""What an apply would make, as templates: CloudFormation and Terraform."""
