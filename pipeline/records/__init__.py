"""What lies between the stages, one file per record: a frozen dataclass, its reader and its writer."""
