declare module 'vanta/dist/vanta.net.min'
declare module 'three'
