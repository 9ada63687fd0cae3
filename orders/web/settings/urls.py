"""Addresses. What an admin sets up: people, merchants, warehouses, places."""

from django.urls import path

from orders.web.settings import people, places, sections, traders

urlpatterns = [
    path("settings", sections.settings_home, name="settings-home"),
    path("settings/changes", sections.list_changes, name="settings-changes"),
    path("settings/profile", people.edit_profile, name="settings-profile"),
    path("settings/people", people.list_people, name="settings-people"),
    path("settings/people/new", people.new_person, name="settings-person-new"),
    path("settings/people/<int:user_id>", people.edit_person, name="settings-person"),
    path("settings/people/<int:user_id>/password", people.set_password, name="settings-person-password"),
    path("settings/roles", people.list_roles, name="settings-roles"),
    path("settings/roles/new", people.new_role, name="settings-role-new"),
    path("settings/roles/<int:role_id>", people.edit_role, name="settings-role"),
    path("settings/roles/<int:role_id>/remove", people.remove_role, name="settings-role-remove"),
    path("settings/merchants", traders.list_merchants, name="settings-merchants"),
    path("settings/merchants/new", traders.new_merchant, name="settings-merchant-new"),
    path("settings/merchants/<int:merchant_id>", traders.edit_merchant, name="settings-merchant"),
    path("settings/warehouses", traders.list_warehouses, name="settings-warehouses"),
    path("settings/warehouses/new", traders.new_warehouse, name="settings-warehouse-new"),
    path("settings/warehouses/<int:warehouse_id>", traders.edit_warehouse, name="settings-warehouse"),
    path("settings/places", places.list_cities, name="settings-places"),
    path("settings/places/new", places.new_city, name="settings-city-new"),
    path("settings/places/suggest", places.suggest, name="settings-city-suggest"),
    path("settings/places/unknown", places.list_unknown, name="settings-unknown"),
    path("settings/places/unknown/choose", places.choose_city, name="settings-unknown-choose"),
    path("settings/places/<int:city_id>", places.edit_city, name="settings-city"),
    path("settings/places/<int:city_id>/spellings", places.add_spelling, name="settings-spelling-new"),
    path(
        "settings/places/spellings/<int:alias_id>/forget",
        places.forget_spelling,
        name="settings-spelling-forget",
    ),
]
