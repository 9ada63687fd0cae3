"""The shipping application: hands parcels to companies and listens to them."""

from django.apps import AppConfig


class ShippingConfig(AppConfig):
    name = "shipping"
    verbose_name = "Shipping"
