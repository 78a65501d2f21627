# Four layers: Python, 75 popular projects with all that they need (about 310 distributions, 89 k files), the app.
base
cp "$here/python.txt" "$work/share/"
run 'apt-get update; apt-get install -y python3 python3-pip ca-certificates
     rm -rf /var/lib/apt/lists/* /var/cache/apt/*'
run 'pip3 install --break-system-packages -r /mnt/python.txt'
run 'mkdir -p /app; cp /mnt/python.txt /app/requirements.txt; echo "import django" >/app/main.py
     printf "[project]\nname=\"demo\"\nversion=\"0.1\"\n" >/app/pyproject.toml'
finish
