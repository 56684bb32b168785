"""A session engine of an application: a class and a table with names of their own."""

from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.contrib.sessions.base_session import AbstractBaseSession


class TenantSession(AbstractBaseSession):
    class Meta:
        app_label = "sessions"
        db_table = "tenant_session"


class TenantStore(DatabaseStore):
    @classmethod
    def get_model_class(cls):
        return TenantSession


SessionStore = TenantStore
