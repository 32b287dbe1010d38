"""The replicas on one PostgreSQL database: who they are, who died, and how they wake each other."""
